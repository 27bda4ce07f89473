package bankaccount

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestHowAnAccountIsWritten(t *testing.T) {
	require.Equal(t, "110234567890", NormalNumber(" 110-234-567890 "))
	for number, want := range map[string]bool{
		"1234567890": true, strings.Repeat("1", 16): true, "123456789": false, strings.Repeat("1", 17): false, "12345678a0": false, "１２３４５６７８９０": false, "": false,
	} {
		require.Equal(t, want, ValidNumber(number), number)
	}
	for code, want := range map[string]bool{"004": true, "04": false, "0044": false, "00x": false, "": false} {
		require.Equal(t, want, ValidCode(code), code)
	}
}

func TestAMaskShowsFourDigits(t *testing.T) {
	require.Equal(t, "", Masked(""))
	require.Equal(t, "123", Masked("123"))
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[0-9]{4,20}`).Draw(t, "number")
		require.Equal(t, strings.Repeat("*", len(number)-4)+number[len(number)-4:], Masked(number))
	})
}
