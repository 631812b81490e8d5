// Everything that the app needs on Azure, for `azd up`. Which file does what: docs/deploy.md.
targetScope = 'subscription'

@description('Name of the azd environment; it stands in the names of the resource group and in tags.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('A region that has Flex Consumption.')
@metadata({ azd: { type: 'location' } })
param location string

@description('The partner tenant: PARTNER_CENTER_TENANT_ID; empty for the tenant of the subscription.')
param partnerCenterTenantId string = ''

@description('The app registration in the partner tenant: PARTNER_CENTER_CLIENT_ID.')
param partnerCenterClientId string

@description('How the app proves to be that registration: by its identity, federated to it, or by what is in a key vault.')
@allowed(['identity', 'secret', 'certificate'])
param partnerCenterCredential string = 'identity'

@description('PARTNER_CENTER_CLIENT_SECRET, kept in the key vault; only with the credential "secret".')
@secure()
param partnerCenterClientSecret string = ''

@description('The day on which the secret ends, as 2027-05-31, so that an alert can come before it.')
param partnerCenterClientSecretExpires string = ''

@description('INVOICE_SCHEDULE: NCRONTAB in UTC. The alert of the silent timer expects a run a day.')
param invoiceSchedule string = '0 0 6 * * *'

@description('INVOICES_CONTAINER')
param invoicesContainer string = 'invoices'

@description('PARTNER_CENTER_URL; empty for the app\'s default.')
param partnerCenterUrl string = ''

@description('PARTNER_CENTER_AUTHORITY; empty for the app\'s default.')
param partnerCenterAuthority string = ''

@description('PARTNER_CENTER_SCOPE; empty for the derived one.')
param partnerCenterScope string = ''

@description('NEW_COMMERCE_SOURCE: graph, v1, or empty for what the cloud has.')
@allowed(['', 'graph', 'v1'])
param newCommerceSource string = ''

@description('GRAPH_URL; empty for the app\'s default.')
param graphUrl string = ''

@description('SETTLE_DAYS')
@minValue(0)
@maxValue(60)
param settleDays int = 10

@description('LINE_ITEMS_PAGE_SIZE')
@minValue(1)
@maxValue(2000)
param lineItemsPageSize int = 2000

@description('LINE_ITEMS_CONCURRENCY')
@minValue(1)
@maxValue(32)
param lineItemsConcurrency int = 4

@description('FETCH_TIME_BUDGET_SECONDS')
@minValue(0)
@maxValue(420)
param fetchTimeBudgetSeconds int = 240

// 40 instances of 5 messages of 4 pages are 800 requests at once: in a backfill of years Partner Center
// throttles that, and the app waits. Where the region takes less than 40, 1 or 2 are enough for a month.
@description('Most instances for each function. 40 is accepted everywhere; some regions take less.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Whether the app sends traces and metrics by OpenTelemetry.')
param openTelemetry bool = false

@description('Who gets the alerts by e-mail; separated by commas. Without any, alerts are in the portal only.')
param alertEmails string = ''

@description('After how many days an invoice that has not settled is told; 0 for SETTLE_DAYS and five more.')
@minValue(0)
param unsettledAlertDays int = 0

@description('Whether two days without a run of the timer are told; false with a schedule of less than a run a day.')
param silentAlert bool = true

@description('Object ids, separated by commas, of those who may read the invoices: a group of finance, for instance.')
param invoiceReaders string = ''

var partnerTenantId = empty(partnerCenterTenantId) ? tenant().tenantId : partnerCenterTenantId
var tags = { 'azd-env-name': environmentName }
var token = toLower(uniqueString(subscription().id, environmentName, location))

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'app/monitoring.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
  }
}

module storage 'app/storage.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    invoicesContainer: invoicesContainer
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'app/vault.bicep' = if (partnerCenterCredential != 'identity') {
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    clientSecret: partnerCenterClientSecret
    // Without a secret at hand (a run elsewhere, after the first) the one in the vault stays.
    hasSecret: partnerCenterCredential == 'secret' && !empty(partnerCenterClientSecret)
    principalId: identity.outputs.principalId
  }
}

module roles 'app/roles.bicep' = {
  scope: group
  params: {
    principalId: identity.outputs.principalId
    hostAccountName: storage.outputs.hostAccountName
    invoicesAccountName: storage.outputs.invoicesAccountName
    invoicesContainer: invoicesContainer
    componentName: monitoring.outputs.componentName
    invoiceReaders: filter(split(replace(invoiceReaders, ' ', ''), ','), id => !empty(id))
  }
}

module app 'app/function-app.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    componentConnectionString: monitoring.outputs.componentConnectionString
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    settings: union(
      {
        AzureWebJobsStorage__blobServiceUri: storage.outputs.hostBlobUrl
        AzureWebJobsStorage__queueServiceUri: storage.outputs.hostQueueUrl
        INVOICES_STORAGE__blobServiceUri: storage.outputs.invoicesBlobUrl
        INVOICES_CONTAINER: invoicesContainer
        INVOICE_SCHEDULE: invoiceSchedule
        PARTNER_CENTER_TENANT_ID: partnerTenantId
        PARTNER_CENTER_CLIENT_ID: partnerCenterClientId
        PARTNER_CENTER_URL: partnerCenterUrl
        PARTNER_CENTER_AUTHORITY: partnerCenterAuthority
        PARTNER_CENTER_SCOPE: partnerCenterScope
        NEW_COMMERCE_SOURCE: newCommerceSource
        GRAPH_URL: graphUrl
        SETTLE_DAYS: string(settleDays)
        LINE_ITEMS_PAGE_SIZE: string(lineItemsPageSize)
        LINE_ITEMS_CONCURRENCY: string(lineItemsConcurrency)
        FETCH_TIME_BUDGET_SECONDS: string(fetchTimeBudgetSeconds)
      },
      partnerCenterCredential == 'secret'
        ? {
            PARTNER_CENTER_CLIENT_SECRET: vault!.outputs.reference
            PARTNER_CENTER_CLIENT_SECRET_EXPIRES: partnerCenterClientSecretExpires
          }
        : {},
      partnerCenterCredential == 'certificate'
        ? { PARTNER_CENTER_CLIENT_CERTIFICATE: vault!.outputs.reference }
        : {},
      openTelemetry
        ? {
            PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
            AzureFunctionsJobHost__telemetryMode: 'OpenTelemetry'
            OTEL_TRACES_SAMPLER: 'always_on'
          }
        : {}
    )
  }
  // A site without its roles fails at its first start and at its first deployment.
  dependsOn: [roles]
}

module alerts 'app/alerts.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    alertEmails: filter(split(replace(alertEmails, ' ', ''), ','), email => !empty(email))
    silentAlert: silentAlert
    unsettledAlertDays: unsettledAlertDays > 0 ? unsettledAlertDays : settleDays + 5
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_NAME string = app.outputs.name
output AZURE_FUNCTION_URL string = app.outputs.url
output INVOICES_ACCOUNT_NAME string = storage.outputs.invoicesAccountName
output INVOICES_CONTAINER string = invoicesContainer
output HOST_ACCOUNT_NAME string = storage.outputs.hostAccountName
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output PARTNER_CENTER_TENANT_ID string = partnerTenantId
output PARTNER_CENTER_CLIENT_ID string = partnerCenterClientId
output PARTNER_CENTER_CREDENTIAL string = partnerCenterCredential
output KEY_VAULT_NAME string = partnerCenterCredential == 'identity' ? '' : vault!.outputs.name
