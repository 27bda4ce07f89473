package audit

// WorkflowIDForTest is workflowID, to be compared with the contract's.
func WorkflowIDForTest(requestID string) string { return workflowID(requestID) }
