package temporalx

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"durapay/internal/secret"
)

func ring(t *testing.T, spec string) *secret.KeyRing {
	t.Helper()
	r, err := secret.ParseKeyRing(spec)
	require.NoError(t, err)
	return r
}

func key(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, secret.KeyLen))
}

func TestPayloadsAreUnreadableWithoutTheCodec(t *testing.T) {
	data, failure := Converters(ring(t, "k1:"+key(1)))
	payloads, err := data.ToPayloads("110-234-567890", map[string]string{"holderName": "김하나"})
	require.NoError(t, err)
	wire, err := proto.Marshal(payloads)
	require.NoError(t, err)
	require.NotContains(t, string(wire), "110-234")
	require.NotContains(t, string(wire), "김하나")

	var number string
	var m map[string]string
	require.NoError(t, data.FromPayloads(payloads, &number, &m))
	require.Equal(t, "110-234-567890", number)

	f := failure.ErrorToFailure(temporal.NewApplicationError("account 110-234-567890", "x", errors.New("110-234-567890")))
	wire, err = proto.Marshal(f)
	require.NoError(t, err)
	require.NotContains(t, string(wire), "110-234")
	require.ErrorContains(t, failure.FailureToError(f), "110-234-567890")
}

func TestRotationAndALostKey(t *testing.T) {
	old, _ := Converters(ring(t, "k1:"+key(1)))
	payloads, err := old.ToPayloads("x")
	require.NoError(t, err)
	payload := payloads.Payloads[0]
	require.Equal(t, "k1", string(payload.Metadata[metadataKeyID]))
	rotated, _ := Converters(ring(t, "k2:"+key(2)+",k1:"+key(1)))
	var s string
	require.NoError(t, rotated.FromPayload(payload, &s))
	require.Equal(t, "x", s)
	lost, _ := Converters(ring(t, "k2:"+key(2)))
	require.ErrorIs(t, lost.FromPayload(payload, &s), secret.ErrSealed)
}

func TestSummariesStayReadableAndInputsDoNot(t *testing.T) {
	data, _ := Converters(ring(t, "k1:"+key(1)))
	summary, err := data.ToPayload("mem_1 tops up 10000 won")
	require.NoError(t, err)
	require.Equal(t, `"mem_1 tops up 10000 won"`, string(summary.Data))
	details, err := data.ToPayloads(&sdk.WorkflowMetadata{CurrentDetails: "at the bank"})
	require.NoError(t, err)
	require.Contains(t, string(details.Payloads[0].Data), "at the bank")

	input, err := data.ToPayloads("110-234-567890")
	require.NoError(t, err)
	require.NotContains(t, string(input.Payloads[0].Data), "110-234")
	memo, err := data.ToPayload(struct{ Number string }{"110-234-567890"})
	require.NoError(t, err)
	require.NotContains(t, string(memo.Data), "110-234")
}
