package gateway

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"durapay/errs"
	"durapay/internal/page"
	"durapay/services/payment"
	"durapay/services/settlement"
)

// The bounds of one download. A slow reader has the time of a page for each page.
const (
	csvPageLines = 1000
	csvMaxPages  = 20_000
	csvPageTime  = 30 * time.Second
	csvTime      = 10 * time.Minute
)

// csvColumns head the file. A line of totals has its figure in the column of amounts.
var csvColumns = []string{"type", "id", "paymentId", "orderId", "amount", "feeBasisPoints", "fee", "vat", "approvedAt"}

// csvTotal is the type of a line of totals.
const csvTotal = "TOTAL"

// downloadStatement gives a statement as a table: its lines, and then its totals.
//
//	@Summary		A statement as CSV
//	@Description	One line for each payment and cancel, oldest first, a cancel's figures being negative; then lines of the type TOTAL: payments, cancels, fee, vat, carriedOver, net. A file without them is not complete.
//	@ID				downloadStatement
//	@Tags			settlement
//	@Security		Bearer
//	@Security		APIKey
//	@Param			id		path		string	true	"the statement's id"
//	@Produce		text/csv
//	@Success		200		{string}	string	"the table"
//	@Header			200		{string}	Content-Disposition	"attachment"
//	@Failure		401,403,404,500,503	{object}	problem.Problem
//	@Router			/v1/settlements/statements/{id}/csv [get]
func (s *Server) downloadStatement(c *gin.Context) {
	st, err := s.statementOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	scope := callerOf(c).paymentScope()
	sendStatementCSV(c, st, func(ctx context.Context, after page.Cursor) (page.Page[payment.Line], error) {
		return s.Neighbours.Lines(ctx, scope, st.ID, page.Request{After: after, Limit: csvPageLines})
	})
}

// lineReader reads the page of lines behind a position.
type lineReader func(ctx context.Context, after page.Cursor) (page.Page[payment.Line], error)

// sendStatementCSV sends the lines as they are read, whatever their number. It may take
// longer than other requests may. Trouble with the first page is a problem like any
// other; later on the answer has begun, and is broken off so that nobody takes it for whole.
func sendStatementCSV(c *gin.Context, st settlement.Statement, read lineReader) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), csvTime) // who has left is noticed by writing
	defer cancel()
	p, err := read(ctx, page.Cursor{})
	if err != nil {
		fail(c, err)
		return
	}
	c.Header("Content-Type", "text/csv; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="`+st.ID+`.csv"`)
	c.Status(http.StatusOK)
	if err := writeStatement(ctx, c.Writer, st, p, read); err != nil {
		breakOff(c, err)
	}
}

func writeStatement(ctx context.Context, to http.ResponseWriter, st settlement.Statement, p page.Page[payment.Line], read lineReader) error {
	w := csv.NewWriter(to)
	if err := w.Write(csvColumns); err != nil {
		return err
	}
	for range csvMaxPages {
		allowTime(to, csvPageTime)
		if err := writeLines(w, p.Items); err != nil {
			return err
		}
		if p.Next == "" {
			return writeTotals(w, st)
		}
		last := p.Items[len(p.Items)-1]
		var err error
		if p, err = read(ctx, page.Cursor{At: last.At, ID: last.ID}); err != nil {
			return err
		}
	}
	return errs.InternalError.Because(fmt.Errorf("statement %s has more than %d lines", st.ID, csvMaxPages*csvPageLines))
}

func writeLines(w *csv.Writer, lines []payment.Line) error {
	for _, l := range lines {
		if err := w.Write(csvLine(l)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func csvLine(l payment.Line) []string {
	return []string{string(l.Type), l.ID, l.PaymentID, harmless(l.OrderID), won(l.Amount), strconv.Itoa(l.FeeBasisPoints), won(l.Fee), won(l.VAT),
		l.At.UTC().Format(time.RFC3339Nano)}
}

// writeTotals ends the table; its presence says that the table is complete.
func writeTotals(w *csv.Writer, st settlement.Statement) error {
	for _, total := range []struct {
		name   string
		amount int64
	}{
		{"payments", st.Sums.PaymentAmount}, {"cancels", -st.Sums.CancelAmount}, {"fee", st.Sums.Fee}, {"vat", st.Sums.VAT},
		{"carriedOver", st.CarriedOver}, {"net", st.Net},
	} {
		line := make([]string, len(csvColumns))
		line[0], line[1], line[4] = csvTotal, total.name, won(total.amount)
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func won(amount int64) string { return strconv.FormatInt(amount, 10) }

// harmless keeps a spreadsheet from taking a franchise's own text for a formula (OWASP,
// CSV injection). Line ends and commas are quoted by the writer.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(text)[0]) {
		return "'" + text
	}
	return text
}

// allowTime lets writing go on for a while. A writer without a clock needs no permission.
func allowTime(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}

// breakOff ends an answer that has begun without its proper end: the connection breaks.
func breakOff(c *gin.Context, err error) {
	_ = c.Error(err)
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Unix(1, 0))
}
