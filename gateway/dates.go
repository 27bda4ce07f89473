package gateway

import (
	"time"

	"github.com/gin-gonic/gin"

	"durapay/errs"
	"durapay/internal/calendar"
)

// firstDate is a day before which nothing can have happened here.
var firstDate = calendar.Date{Year: 2000, Month: time.January, Day: 1}

// parseDate reads a business date; where names it in the request.
func parseDate(where, text string) (calendar.Date, error) {
	d, err := calendar.Parse(text)
	if err != nil {
		return calendar.Date{}, errs.InvalidField(where, errs.FieldFormat, "expected", "an existing day as YYYY-MM-DD")
	}
	if d.Before(firstDate) {
		return calendar.Date{}, errs.InvalidField(where, errs.FieldTooSmall, "min", firstDate.String())
	}
	return d, nil
}

// dateOf reads a business date of the query, the zero Date when it is absent.
func dateOf(c *gin.Context, name string) (calendar.Date, error) {
	q, given := c.GetQuery(name)
	if !given {
		return calendar.Date{}, nil
	}
	return parseDate("?"+name, q)
}
