// Who is told of what. The queries are files, which the tests run on tables of good and of bad days.
param token string
param location string
param tags object
param workspaceId string
param alertEmails array
param silentAlert bool
param unsettledAlertDays int

var rules = [
  {
    name: 'poison'
    title: 'Lines have failed five times and are in the poison queue'
    severity: 1
    query: loadTextContent('../alerts/poison.kql')
    operator: 'GreaterThan'
    threshold: 0
    frequency: 'PT15M'
    window: 'PT30M'
  }
  {
    name: 'refused'
    title: 'Entra ID, Partner Center or Microsoft Graph has refused the app'
    severity: 1
    query: loadTextContent('../alerts/refused.kql')
    operator: 'GreaterThan'
    threshold: 0
    frequency: 'PT15M'
    window: 'PT30M'
  }
  {
    name: 'unsettled'
    title: 'An invoice has not settled for ${unsettledAlertDays} days'
    severity: 2
    query: replace(
      loadTextContent('../alerts/unsettled.kql'),
      '{days}',
      string(unsettledAlertDays)
    )
    operator: 'GreaterThan'
    threshold: 0
    frequency: 'PT6H'
    window: 'P1D'
  }
  {
    name: 'credential'
    title: 'The secret or certificate of the app registration ends within 30 days'
    severity: 2
    query: loadTextContent('../alerts/credential.kql')
    operator: 'GreaterThan'
    threshold: 0
    frequency: 'PT6H'
    window: 'P1D'
  }
  {
    // Two days are the most that a rule sees: this one needs a run each day. By the app's own line, as
    // AppRequests may lack an invocation after a cold start (Azure/azure-functions-host#11167, #11910).
    name: 'silent'
    title: 'list_invoices has not run well for two days'
    severity: 1
    query: loadTextContent('../alerts/silent.kql')
    operator: 'LessThan'
    threshold: 1
    frequency: 'PT6H'
    window: 'P2D'
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${token}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'invoices'
    enabled: true
    emailReceivers: [
      for (email, i) in alertEmails: {
        name: 'email-${i}'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'alert-${rule.name}-${token}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: 'What to do: docs/runbook.md, "${rule.name}"'
      enabled: silentAlert || rule.name != 'silent'
      severity: rule.severity
      scopes: [workspaceId]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      // The tables of a new workspace come with their first rows.
      skipQueryValidation: true
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]
