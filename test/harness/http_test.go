package harness

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnIDIsNoWordOfTheInside(t *testing.T) {
	require.Nil(t, inner([]byte(`{"code":"token_invalid","requestId":"req_01M81QX314TH6JQDPFGRPC06Z6"}`)))
	require.Equal(t, "grpc", string(inner([]byte(`{"requestId":"req_01M81QX314TH6JQDPFGRPC06Z6","detail":"grpc: closed"}`))))
}
