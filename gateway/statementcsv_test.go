package gateway

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"durapay/errs"
	"durapay/internal/page"
	"durapay/services/payment"
	"durapay/services/settlement"
)

var testStatement = settlement.Statement{ID: "stl_01JZ0000000000000000000000", CarriedOver: -500, Net: 9_370,
	Sums: settlement.Sums{PaymentCount: 2, PaymentAmount: 12_000, CancelCount: 1, CancelAmount: 2_000, Fee: 118, VAT: 12}}

// lines makes that many payments, one second apart.
func lines(n int) []payment.Line {
	out := make([]payment.Line, n)
	for i := range out {
		id := "pay_" + strconv.Itoa(i)
		out[i] = payment.Line{Type: payment.LinePayment, ID: id, PaymentID: id, OrderID: "order-" + strconv.Itoa(i), Amount: 1_000, FeeBasisPoints: 300,
			Fee: 30, VAT: 3, At: time.Date(2026, 11, 20, 0, 0, i, 0, time.UTC)}
	}
	return out
}

// inPages reads lines page by page, as the service does.
func inPages(all []payment.Line, size int) lineReader {
	return func(_ context.Context, after page.Cursor) (page.Page[payment.Line], error) {
		begin := 0
		for begin < len(all) && !after.Start() && !all[begin].At.After(after.At) {
			begin++
		}
		rows := all[begin:min(len(all), begin+size+1)]
		return page.Of(rows, size, func(l payment.Line) page.Cursor { return page.Cursor{At: l.At, ID: l.ID} }), nil
	}
}

// download asks a server whose statement has these lines.
func download(t *testing.T, read lineReader) (answer *http.Response, body string, err error) {
	t.Helper()
	e := gin.New()
	e.GET("/csv", func(c *gin.Context) { sendStatementCSV(c, testStatement, read) })
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	answer, err = http.Get(server.URL + "/csv")
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), err
}

func TestStatementCSVHasAllLinesAndThenTheTotals(t *testing.T) {
	for _, n := range []int{0, 1, 2, 5, 101} {
		all := lines(n)
		answer, body, err := download(t, inPages(all, 2))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Equal(t, "text/csv; charset=utf-8", answer.Header.Get("Content-Type"))
		require.Equal(t, `attachment; filename="stl_01JZ0000000000000000000000.csv"`, answer.Header.Get("Content-Disposition"))
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll() // each row has as many columns
		require.NoError(t, err)
		require.Equal(t, csvColumns, rows[0])
		for i, l := range all {
			require.Equal(t, csvLine(l), rows[1+i])
		}
		totals := map[string]string{}
		for _, row := range rows[1+n:] {
			require.Equal(t, csvTotal, row[0])
			totals[row[1]] = row[4]
		}
		require.Equal(t, map[string]string{"payments": "12000", "cancels": "-2000", "fee": "118", "vat": "12", "carriedOver": "-500", "net": "9370"}, totals)
	}
}

func TestStatementCSVLine(t *testing.T) {
	l := payment.Line{Type: payment.LineCancel, ID: "cxl_1", PaymentID: "pay_1", OrderID: `=HYPERLINK("x")`, Amount: -500, FeeBasisPoints: 250, Fee: -12, VAT: -1,
		At: time.Date(2026, 11, 20, 9, 0, 0, 1000, time.FixedZone("KST", 9*60*60))}
	require.Equal(t, []string{"CANCEL", "cxl_1", "pay_1", `'=HYPERLINK("x")`, "-500", "250", "-12", "-1", "2026-11-20T00:00:00.000001Z"}, csvLine(l))
}

func TestHarmlessTextIsNoFormula(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "order-1": "order-1", "1-2": "1-2", "a=b": "a=b", "주문": "주문",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "＝1": "'＝1",
	} {
		require.Equal(t, want, harmless(text))
	}
}

// TestStatementCSVThatCannotBeginIsAProblem fails before anything is sent.
func TestStatementCSVThatCannotBeginIsAProblem(t *testing.T) {
	answer, body, err := download(t, func(context.Context, page.Cursor) (page.Page[payment.Line], error) {
		return page.Page[payment.Line]{}, errs.Busy
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Contains(t, body, `"code":"busy"`)
}

// TestStatementCSVIsNotTakenForWhole fails in the middle: the reader must notice,
// whether something has left the server's buffers by then or not.
func TestStatementCSVIsNotTakenForWhole(t *testing.T) {
	const size = 50
	for _, goodPages := range []int{1, 90} {
		pages, read := 0, inPages(lines(5000), size)
		_, body, err := download(t, func(ctx context.Context, after page.Cursor) (page.Page[payment.Line], error) {
			if pages == goodPages {
				return page.Page[payment.Line]{}, errors.New("the database went away")
			}
			pages++
			return read(ctx, after)
		})
		require.Error(t, err)
		require.NotContains(t, body, csvTotal)
		require.Equal(t, goodPages > 1, body != "")
	}
}
