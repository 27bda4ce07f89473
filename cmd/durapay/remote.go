package main

import (
	"context"

	"durapay/activities"
	"durapay/gateway"
	"durapay/internal/page"
	"durapay/internal/stepapi"
	"durapay/services/membership"
	"durapay/services/money"
	"durapay/services/payment"
	"durapay/services/settlement"
	"durapay/workers"
)

// The names of what services ask each other beside the steps of flows.
const (
	findStandings   = "membership.FindStandings"
	regionChanges   = "membership.RegionChanges"
	regionHead      = "membership.RegionHead"
	journal         = "money.Journal"
	journalHead     = "money.JournalHead"
	authenticateKey = "franchise.Authenticate"
	findLines       = "payment.Lines"
	findStatement   = "settlement.FindStatement"
)

type nothing struct{}

// feedPage asks for what comes next in a sequence.
type feedPage struct {
	After int64 `json:"after"`
	Limit int   `json:"limit"`
}

type journalPage struct {
	Lines []money.JournalLine `json:"lines"`
	Last  int64               `json:"last"`
}

type linesOf struct {
	Scope       payment.Scope `json:"scope"`
	StatementID string        `json:"statementId"`
	Page        page.Request  `json:"page"`
}

type statementOf struct {
	Scope       settlement.Scope `json:"scope"`
	StatementID string           `json:"statementId"`
}

// asked is what other processes may ask of a service of this one: its flows' steps, and
// what other services' requests need of it.
func (p *platform) asked(service string) map[string]any {
	steps := workers.Steps(service, p.services)
	s := p.services
	switch service {
	case "membership":
		steps[findStandings] = s.Membership.Standings
		steps[regionChanges] = func(ctx context.Context, q feedPage) ([]membership.RegionChange, error) {
			return s.Membership.RegionChanges(ctx, q.After, q.Limit)
		}
		steps[regionHead] = func(ctx context.Context, _ nothing) (int64, error) { return s.Membership.RegionHead(ctx) }
	case "money":
		steps[journal] = func(ctx context.Context, q feedPage) (journalPage, error) {
			lines, last, err := s.Money.Journal(ctx, q.After, q.Limit)
			return journalPage{lines, last}, err
		}
		steps[journalHead] = func(ctx context.Context, _ nothing) (int64, error) { return s.Money.JournalHead(ctx) }
	case "franchise":
		steps[authenticateKey] = s.Franchise.Authenticate
	case "payment":
		steps[findLines] = func(ctx context.Context, q linesOf) (page.Page[payment.Line], error) {
			return s.Payment.Lines(ctx, q.Scope, q.StatementID, q.Page)
		}
	case "settlement":
		steps[findStatement] = func(ctx context.Context, q statementOf) (settlement.Statement, error) {
			return s.Settlement.FindStatement(ctx, q.Scope, q.StatementID)
		}
	}
	return steps
}

// client calls a remote service, nil for one that is not.
func (p *platform) client(service string) *stepapi.Client {
	address := p.share.remote[service]
	if address == nil {
		return nil
	}
	return &stepapi.Client{BaseURL: address.String(), Token: p.identity.Token, HTTP: p.steps}
}

// remoteSteps are those of the remote services, for flows.
func (p *platform) remoteSteps() workers.Remote {
	remote := workers.Remote{}
	for name := range p.share.remote {
		c := p.client(name)
		c.Translate = activities.Away
		remote[name] = c
	}
	return remote
}

// neighbours asks remote services what requests need of them.
func (p *platform) neighbours() gateway.Neighbours {
	var n gateway.Neighbours
	if c := p.client("franchise"); c != nil {
		n.Authenticate = stepapi.Call[string, string](c, authenticateKey)
	}
	if c := p.client("membership"); c != nil {
		n.Standings = stepapi.Call[[]string, []membership.Standing](c, findStandings)
	}
	if c := p.client("settlement"); c != nil {
		find := stepapi.Call[statementOf, settlement.Statement](c, findStatement)
		n.FindStatement = func(ctx context.Context, scope settlement.Scope, statementID string) (settlement.Statement, error) {
			return find(ctx, statementOf{scope, statementID})
		}
	}
	if c := p.client("payment"); c != nil {
		find := stepapi.Call[linesOf, page.Page[payment.Line]](c, findLines)
		n.Lines = func(ctx context.Context, scope payment.Scope, statementID string, q page.Request) (page.Page[payment.Line], error) {
			return find(ctx, linesOf{scope, statementID, q})
		}
	}
	return n
}

// remoteJournal reads the journal of wallets in another process.
type remoteJournal struct{ client *stepapi.Client }

func (r remoteJournal) Journal(ctx context.Context, after int64, limit int) ([]money.JournalLine, int64, error) {
	p, err := stepapi.Call[feedPage, journalPage](r.client, journal)(ctx, feedPage{after, limit})
	return p.Lines, p.Last, err
}

func (r remoteJournal) JournalHead(ctx context.Context) (int64, error) {
	return stepapi.Call[nothing, int64](r.client, journalHead)(ctx, nothing{})
}

// remoteRegions reads where members live in another process.
type remoteRegions struct{ client *stepapi.Client }

func (r remoteRegions) RegionChanges(ctx context.Context, after int64, limit int) ([]membership.RegionChange, error) {
	return stepapi.Call[feedPage, []membership.RegionChange](r.client, regionChanges)(ctx, feedPage{after, limit})
}

func (r remoteRegions) RegionHead(ctx context.Context) (int64, error) {
	return stepapi.Call[nothing, int64](r.client, regionHead)(ctx, nothing{})
}
