// Two accounts: what the host needs (queue, leases, the deployed package), and the invoices, which must survive it.
param token string
param location string
param tags object
param invoicesContainer string
param workspaceId string

var deploymentContainer = 'app-package'

resource host 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'sthost${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource package 'containers' = {
      name: deploymentContainer
    }
  }

  resource queues 'queueServices' = {
    name: 'default'
  }
}

// The alert of the poison queue reads these: Azure has no metric for a single queue.
resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'queue-writes'
  scope: host::queues
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
    ]
  }
}

resource invoices 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'stinvoices${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: {
        enabled: true
        days: 30
      }
      containerDeleteRetentionPolicy: {
        enabled: true
        days: 30
      }
    }

    resource container 'containers' = {
      name: invoicesContainer
    }
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'invoices'
  scope: invoices
  properties: {
    level: 'CanNotDelete'
    notes: 'The invoices are here. Microsoft does not give old ones again: take this lock away only after a copy was made.'
  }
}

output hostAccountName string = host.name
output hostBlobUrl string = host.properties.primaryEndpoints.blob
output hostQueueUrl string = host.properties.primaryEndpoints.queue
output deploymentContainerUrl string = '${host.properties.primaryEndpoints.blob}${deploymentContainer}'
output invoicesAccountName string = invoices.name
output invoicesBlobUrl string = invoices.properties.primaryEndpoints.blob
