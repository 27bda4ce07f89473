package temporalx

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
)

// labels leaves open what people read in the Web UI and encrypts the rest. Summaries
// reach a converter as bare strings, one at a time, and current details as workflow
// metadata; inputs and results come as lists. What is left open holds opaque ids and
// amounts only, which the flows' own package sees to.
type labels struct {
	converter.DataConverter // encrypts
	open                    converter.DataConverter
}

// ToPayload leaves a bare string open: a summary, or the keyed fingerprint of a memo.
func (l labels) ToPayload(value any) (*commonpb.Payload, error) {
	if _, label := value.(string); label {
		return l.open.ToPayload(value)
	}
	return l.DataConverter.ToPayload(value)
}

// ToPayloads leaves the answer to the Web UI's metadata query open.
func (l labels) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	if len(values) == 1 {
		if _, metadata := values[0].(*sdk.WorkflowMetadata); metadata {
			return l.open.ToPayloads(values...)
		}
	}
	return l.DataConverter.ToPayloads(values...)
}
