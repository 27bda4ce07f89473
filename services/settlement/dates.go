package settlement

import (
	"fmt"

	"durapay/internal/calendar"
)

// RunDates are what a run of a business date goes by. The date closes when the next
// business day begins, so that a weekend's sales belong to the Friday.
type RunDates struct {
	CutThrough calendar.Date // the last day whose sales are cut
	PayBy      calendar.Date // the next business day: what is due by then is paid
}

// Dates gives the dates of a run. Errors: calendar.ErrUnknownYear.
func (s *Service) Dates(date calendar.Date) (RunDates, error) {
	next, err := s.days.AddBusinessDays(date, 1)
	if err != nil {
		return RunDates{}, fmt.Errorf("dates of %s: %w", date, err)
	}
	return RunDates{CutThrough: next.AddDays(-1), PayBy: next}, nil
}

// ScheduledDate gives the business date that has closed when a scheduled day begins:
// the business day before. open is false on a day that is none. Errors:
// calendar.ErrUnknownYear.
func (s *Service) ScheduledDate(day calendar.Date) (date calendar.Date, open bool, err error) {
	if open, err = s.days.IsBusinessDay(day); err != nil || !open {
		return calendar.Date{}, false, err
	}
	date = day
	for range calendar.MaxDaysOff {
		date = date.AddDays(-1)
		if business, err := s.days.IsBusinessDay(date); err != nil || business {
			return date, true, err
		}
	}
	return calendar.Date{}, false, fmt.Errorf("no business day in the %d days before %s", calendar.MaxDaysOff, day)
}
