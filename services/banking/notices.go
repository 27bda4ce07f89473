package banking

import (
	"context"

	"durapay/errs"
	"durapay/internal/page"
	"durapay/internal/record"
)

// RecordNotice stores what a bank tells as REQUESTED, or gives back what is stored, in
// whatever state: it is idempotent by the bank's own id of the notice. Errors:
// errs.InvalidRequest with pointers into the call-back's body; errs.IdempotencyReused
// when the bank has told something else under this id.
func (s *Service) RecordNotice(ctx context.Context, n Notice) (Notice, error) {
	n = n.normal()
	if err := n.check(s.o.Corporate); err != nil {
		return Notice{}, err
	}
	row, err := s.sealer.newNotice(n, s.now())
	if err != nil {
		return Notice{}, err
	}
	row, err = s.store.BeginNotice(ctx, row)
	if err != nil {
		return Notice{}, err
	}
	stored, err := s.sealer.openNotice(row)
	if err != nil {
		return Notice{}, err
	}
	if !stored.sameAs(n) {
		return Notice{}, errs.IdempotencyReused.With("notice", n.ID)
	}
	return stored, nil
}

// FindNotice gives a notice. Errors: errs.BankNoticeNotFound.
func (s *Service) FindNotice(ctx context.Context, id string) (Notice, error) {
	notices, err := s.Notices(ctx, []string{id})
	if err != nil {
		return Notice{}, err
	}
	return notices[0], nil
}

// Notices gives the notices with these ids, in order. One round trip. Errors:
// errs.BankNoticeNotFound when one is unknown.
func (s *Service) Notices(ctx context.Context, ids []string) ([]Notice, error) {
	byID, err := s.noticesByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	notices := make([]Notice, len(ids))
	for i, id := range ids {
		n, found := byID[id]
		if !found {
			return nil, errs.BankNoticeNotFound
		}
		notices[i] = n
	}
	return notices, nil
}

func (s *Service) noticesByID(ctx context.Context, ids []string) (map[string]Notice, error) {
	rows, err := s.store.Notices(ctx, ids)
	if err != nil {
		return nil, err
	}
	notices, err := s.sealer.openNotices(rows)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]Notice, len(notices))
	for _, n := range notices {
		byID[n.ID] = n
	}
	return byID, nil
}

// ListNotices gives the notices a filter lets through, newest first. Errors:
// errs.InvalidRequest for a filter that makes no sense.
func (s *Service) ListNotices(ctx context.Context, f NoticeFilter, r page.Request) (page.Page[Notice], error) {
	if err := f.check(); err != nil {
		return page.Page[Notice]{}, err
	}
	rows, err := s.store.ListNotices(ctx, f, r)
	if err != nil {
		return page.Page[Notice]{}, err
	}
	items, err := s.sealer.openNotices(rows)
	if err != nil {
		return page.Page[Notice]{}, err
	}
	return page.Of(items, r.Limit, func(n Notice) page.Cursor { return page.Cursor{At: n.CreatedAt, ID: n.ID} }), nil
}

// MoveNotices changes the states of notices, idempotently; all allowed moves are made.
// One round trip when all are. Errors: the first refused move's errs.BankNoticeNotFound
// or errs.ConcurrentEdit, or infrastructure trouble.
func (s *Service) MoveNotices(ctx context.Context, moves []record.Move) error {
	outs, err := s.store.MoveNotices(ctx, moves, s.now())
	if err != nil {
		return err
	}
	return firstOf(outs)
}
