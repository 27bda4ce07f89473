// Package temporalx is the platform's way to a Temporal cluster: a client whose
// payloads are encrypted, with metrics and logs in the platform's form.
package temporalx

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"durapay/internal/secret"
)

// What an encrypted payload says of itself. The key's id stands in the open, so that
// an operator sees which keys are still in use before retiring one.
const (
	encodingEncrypted = "binary/encrypted"
	metadataEncoding  = "encoding"
	metadataKeyID     = "encryption-key-id"
	payloadPlace      = "temporal.payload" // authenticated with each payload
)

// codec encrypts whole payloads, their metadata included.
type codec struct{ ring *secret.KeyRing }

// NewCodec makes the payload codec over a key ring.
func NewCodec(ring *secret.KeyRing) converter.PayloadCodec { return codec{ring} }

// Encode encrypts each payload.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.encode)
}

// Decode decrypts each payload; one that is not encrypted passes as it is, as search
// attributes and summaries are.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.decode)
}

func (c codec) encode(p *commonpb.Payload) (*commonpb.Payload, error) {
	plain, err := proto.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode a payload: %w", err)
	}
	sealed, err := c.ring.Seal(plain, payloadPlace)
	if err != nil {
		return nil, fmt.Errorf("encode a payload: %w", err)
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{metadataEncoding: []byte(encodingEncrypted), metadataKeyID: []byte(c.ring.CurrentKeyID())},
		Data:     sealed,
	}, nil
}

func (c codec) decode(p *commonpb.Payload) (*commonpb.Payload, error) {
	if string(p.GetMetadata()[metadataEncoding]) != encodingEncrypted {
		return p, nil
	}
	plain, err := c.ring.Open(p.GetData(), payloadPlace)
	if err != nil {
		return nil, fmt.Errorf("decode a payload under key %q: %w", p.GetMetadata()[metadataKeyID], err)
	}
	var out commonpb.Payload
	if err := proto.Unmarshal(plain, &out); err != nil {
		return nil, fmt.Errorf("decode a payload: %w", err)
	}
	return &out, nil
}

func each(in []*commonpb.Payload, f func(*commonpb.Payload) (*commonpb.Payload, error)) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(in))
	for i, p := range in {
		var err error
		if out[i], err = f(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}
