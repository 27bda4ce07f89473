package settlement

import (
	"errors"

	"durapay/errs"
	"durapay/internal/calendar"
)

// CheckDate tells whether a run may be for a business date: it lies near enough to today,
// and the holidays up to its latest pay-out date are known, as a run could not go on
// without them. Errors: errs.BusinessDateRefused (from, until); errs.InternalError when
// the table of holidays cannot be read.
func (s *Service) CheckDate(date calendar.Date) *errs.Error {
	today := calendar.Of(s.now())
	if no := checkBusinessDate(date, today); no != nil {
		return no
	}
	err := s.daysKnown(date)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, calendar.ErrUnknownYear):
		from, until := s.knownDates(today)
		return errs.BusinessDateRefused.With("from", from).With("until", until)
	default:
		return errs.InternalError.Because(err)
	}
}

// daysKnown errs when the calendar cannot tell the dates of a run.
func (s *Service) daysKnown(date calendar.Date) error {
	_, err := s.days.AddBusinessDays(date, MaxPayoutBusinessDays)
	return err
}

// knownDates gives the first and the last date near enough to today whose days are
// known; when there are none, the two are the wrong way round.
func (s *Service) knownDates(today calendar.Date) (from, until calendar.Date) {
	from, until = today.AddDays(-maxDaysBack), today.AddDays(maxDaysAhead)
	for range maxDaysBack + maxDaysAhead {
		if s.daysKnown(from) == nil {
			break
		}
		from = from.AddDays(1)
	}
	for range maxDaysBack + maxDaysAhead {
		if s.daysKnown(until) == nil {
			break
		}
		until = until.AddDays(-1)
	}
	return from, until
}
