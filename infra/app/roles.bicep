// What the app's identity may do, and who may read the invoices; nothing else.
param principalId string
param hostAccountName string
param invoicesAccountName string
param invoicesContainer string
param componentName string
param invoiceReaders array

var roles = {
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  'Storage Blob Data Reader': '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  'Storage Queue Data Contributor': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
}
var definitions = mapValues(
  roles,
  id => subscriptionResourceId('Microsoft.Authorization/roleDefinitions', id)
)

resource host 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: hostAccountName
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = {
  name: '${invoicesAccountName}/default/${invoicesContainer}'
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// The host keeps its leases and the package here, and creates containers of its own.
resource ownsHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, principalId, roles['Storage Blob Data Owner'])
  scope: host
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions['Storage Blob Data Owner']
  }
}

// The host creates the poison queue, the app the queue.
resource usesHostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, principalId, roles['Storage Queue Data Contributor'])
  scope: host
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions['Storage Queue Data Contributor']
  }
}

resource writesInvoices 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(container.id, principalId, roles['Storage Blob Data Contributor'])
  scope: container
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions['Storage Blob Data Contributor']
  }
}

resource sendsTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, principalId, roles['Monitoring Metrics Publisher'])
  scope: component
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definitions['Monitoring Metrics Publisher']
  }
}

// Without a principalType: they may be people, groups or apps.
resource readsInvoices 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for reader in invoiceReaders: {
    name: guid(container.id, reader, roles['Storage Blob Data Reader'])
    scope: container
    properties: {
      principalId: reader
      roleDefinitionId: definitions['Storage Blob Data Reader']
    }
  }
]
