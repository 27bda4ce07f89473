package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"durapay/errs"
	"durapay/internal/calendar"
	"durapay/services/membership"
	"durapay/services/moneyquery"
)

// regionRoutes are for overseers: what the members of a region have together is nobody
// else's business.
func (s *Server) regionRoutes(r gin.IRouter) {
	r.GET("/v1/money/query/regions", overseers, s.queryMoneySumByRegions)
	r.GET("/v1/money/query/regions/:region", overseers, s.queryMoneySumByRegion)
}

// RegionSum is what the members of a region have, in won.
type RegionSum struct {
	Region   string     `json:"region" example:"SEOUL"`
	Members  int64      `json:"members" example:"1204"`
	Balance  int64      `json:"balance" example:"81230000"`
	Currency string     `json:"currency" example:"KRW"`
	AsOf     *time.Time `json:"asOf,omitempty" example:"2026-11-20T00:30:00Z"` // everything booked before is counted; absent while the model is filled for the first time
} // @name RegionSum

// RegionSums are the sums of all regions, as of one moment.
type RegionSums struct {
	Items []RegionSum `json:"items"`
} // @name RegionSums

// RegionMoney is a region's sum, and what came in by top-ups on each day.
type RegionMoney struct {
	RegionSum
	Inflows []DayInflow `json:"inflows"`
} // @name RegionMoney

// DayInflow is the won that top-ups brought on a day in Seoul.
type DayInflow struct {
	Date   string `json:"date" format:"date" example:"2026-11-20"`
	Amount int64  `json:"amount" example:"300000"`
} // @name DayInflow

func regionView(t moneyquery.RegionTotal) RegionSum {
	return RegionSum{Region: t.Region, Members: t.Members, Balance: t.Balance, Currency: krw, AsOf: optionalTime(t.AsOf)}
}

// queryMoneySumByRegions shows what the members of each region have.
//
//	@Summary	What the members of each region have together
//	@ID			queryMoneySumByRegions
//	@Tags		money-query
//	@Security	Bearer
//	@Success	200	{object}	RegionSums
//	@Failure	401,403,500,503	{object}	problem.Problem
//	@Router		/v1/money/query/regions [get]
func (s *Server) queryMoneySumByRegions(c *gin.Context) {
	totals, err := s.MoneyQuery.Regions(c)
	if err != nil {
		fail(c, err)
		return
	}
	sums := make([]RegionSum, len(totals))
	for i, t := range totals {
		sums[i] = regionView(t)
	}
	c.JSON(http.StatusOK, RegionSums{Items: sums})
}

// queryMoneySumByRegion shows what the members of a region have, and its inflow.
//
//	@Summary		What the members of a region have together
//	@Description	With the inflow by top-ups on each day of a range of at most 366 days, of the members who live there now. The last 30 days unless asked otherwise.
//	@ID				queryMoneySumByRegion
//	@Tags			money-query
//	@Security		Bearer
//	@Param			region	path		string	true	"the region's code or Korean name"
//	@Param			from	query		string	false	"first day of the inflow, YYYY-MM-DD"
//	@Param			through	query		string	false	"last day of the inflow, YYYY-MM-DD"
//	@Success		200		{object}	RegionMoney
//	@Failure		400,401,403,404,500,503	{object}	problem.Problem
//	@Router			/v1/money/query/regions/{region} [get]
func (s *Server) queryMoneySumByRegion(c *gin.Context) {
	region, known := membership.ParseRegion(c.Param("region"))
	if !known {
		fail(c, errs.RegionNotFound)
		return
	}
	from, through, err := inflowRange(c, calendar.Of(time.Now()))
	var total moneyquery.RegionTotal
	if err == nil { // first: the inflows may be newer than what it says, and not older
		total, err = s.MoneyQuery.Region(c, region.Code)
	}
	var inflows []moneyquery.DayInflow
	if err == nil {
		inflows, err = s.MoneyQuery.Inflows(c, region.Code, from, through)
	}
	if err != nil {
		fail(c, err)
		return
	}
	v := RegionMoney{RegionSum: regionView(total), Inflows: make([]DayInflow, len(inflows))}
	for i, d := range inflows {
		v.Inflows[i] = DayInflow{Date: d.Day.String(), Amount: d.Amount}
	}
	c.JSON(http.StatusOK, v)
}

// usualInflowDays is how many days are shown unless asked otherwise.
const usualInflowDays = 30

// inflowRange reads the range of days; it ends today, and has the usual length, unless
// said otherwise.
func inflowRange(c *gin.Context, today calendar.Date) (from, through calendar.Date, err error) {
	if through, err = dateOf(c, "through"); err != nil {
		return
	}
	if through.IsZero() {
		through = today
	}
	if from, err = dateOf(c, "from"); err != nil {
		return
	}
	if from.IsZero() {
		from = through.AddDays(1 - usualInflowDays)
	}
	return
}
