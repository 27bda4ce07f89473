// Package gateway is the platform's REST API: it authenticates, validates, starts a
// flow or asks a service, and renders. It moves no money itself.
package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/secret"
	"durapay/internal/token"
	"durapay/services/banking"
	"durapay/services/franchise"
	"durapay/services/membership"
	"durapay/services/money"
	"durapay/services/moneyquery"
	"durapay/services/payment"
	"durapay/services/remittance"
	"durapay/services/settlement"
)

// Dependencies is what the gateway stands on.
type Dependencies struct {
	Temporal    client.Client
	Payloads    converter.DataConverter // that of the client, to read memos
	Tokens      *token.Issuer
	Membership  *membership.Service
	Banking     *banking.Service
	Money       *money.Service
	Remittance  *remittance.Service
	Franchise   *franchise.Service
	Payment     *payment.Service
	Settlement  *settlement.Service
	MoneyQuery  *moneyquery.Service
	Notices     banking.NoticeParser // of banks' call-backs; nil takes none
	Fingerprint *secret.Indexer      // fingerprints of inputs are keyed: inputs hold account numbers
	Metrics     *prometheus.Registry
	Log         *slog.Logger
	FlowWait    time.Duration    // how long a money request waits for its flow
	Proxies     []string         // whose word on the client's address is believed
	WebURL      string           // of the Temporal Web UI, "" for none
	Namespace   string           // of the flows, for links to the Web UI
	Checks      map[string]Check // what /readyz asks, by name
	// A service that is nil is not served here: its requests are passed on to where Forward
	// has it, by [ServiceNames], or are nobody's.
	Forward    map[string]*url.URL
	Neighbours Neighbours
}

// Check tells whether something the gateway needs is there.
type Check func(ctx context.Context) error

// Server is the gateway.
type Server struct {
	Dependencies
	flows     *launcher
	forwards  *forwarder
	documents func() (documents, error)
}

// New makes the gateway's handler.
//
//	@title			Durapay
//	@version		1.0
//	@description	Prepaid money: fill it from a linked bank account, send it, pay it out. Amounts are whole won. Every request that moves money needs an Idempotency-Key and moves it once. Errors are RFC 9457 problems with a stable code.
//	@license.name	Apache-2.0
//	@BasePath		/
//	@accept			json
//	@produce		json
//	@securityDefinitions.apikey	Bearer
//	@in				header
//	@name			Authorization
//	@description	"Bearer " and the access token of a sign-in.
//	@securityDefinitions.apikey	APIKey
//	@in				header
//	@name			X-API-Key
//	@description	A franchise's API key.
func New(d Dependencies) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	d.Neighbours = d.neighbours()
	s := &Server{Dependencies: d, flows: newLauncher(d), forwards: newForwarder(d), documents: sync.OnceValues(func() (documents, error) {
		return documentsOf(d.tags())
	})}
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false // a path is right or it is none
	e.ContextWithFallback = true    // handlers pass the request's own context on
	if err := e.SetTrustedProxies(d.Proxies); err != nil {
		d.Log.Error("trusted proxies refused: no forwarded address is believed", "error", err)
		_ = e.SetTrustedProxies(nil) // cannot be refused
	}
	e.Use(identify(), s.observe(), s.survive(), limitBody())
	e.NoRoute(s.forwardRest)
	e.NoMethod(func(c *gin.Context) { failWith(c, http.StatusMethodNotAllowed, errs.MethodNotAllowed) })
	e.GET("/v1/flows/:id", s.forwardFlow, s.authenticateUnlessRegistration(), s.findFlow) // bounds itself: it may wait for long
	timely := e.Group("/", s.limitTime())
	s.publicRoutes(timely)
	s.memberRoutes(timely.Group("/", s.authenticate()))
	return e
}

// publicRoutes need no credential: sign-in and what comes before it, health and docs.
func (s *Server) publicRoutes(r gin.IRouter) {
	r.GET("/livez", live)
	r.GET("/readyz", s.ready)
	r.GET("/metrics", s.neighboursAndOverseers(), s.metrics())
	r.GET("/openapi.json", s.openAPI)
	r.GET("/swagger/*any", s.swaggerUI())
	if s.has("membership") {
		r.GET("/.well-known/jwks.json", s.jwks)
		r.POST("/v1/auth/login", s.loginMembership)
		r.POST("/v1/auth/refresh", s.refreshJwtToken)
		r.POST("/v1/memberships", s.registerMembership)
		r.POST("/v1/memberships/async", s.registerMembershipEvent)
	}
	if s.has("banking") {
		r.POST("/v1/bank-notices", s.receiveBankNotice) // signed by the bank
	}
}

// The roles that may use a route stand beside it.
var (
	anyone    = allow(membership.RoleMember, membership.RoleFranchise, membership.RoleOperator, membership.RoleAuditor)
	member    = allow(membership.RoleMember)
	operator  = allow(membership.RoleOperator)
	readers   = allow(membership.RoleMember, membership.RoleOperator, membership.RoleAuditor)
	overseers = allow(membership.RoleOperator, membership.RoleAuditor)
	merchants = allow(membership.RoleFranchise, membership.RoleOperator)
	onlookers = allow(membership.RoleFranchise, membership.RoleOperator, membership.RoleAuditor)
)

// memberRoutes need an access token, or a franchise's API key. Those of a service that is
// not here have no route.
func (s *Server) memberRoutes(r gin.IRouter) {
	for name, routes := range map[string]func(gin.IRouter){
		"membership": s.membershipRoutes, "banking": s.bankingRoutes, "money": s.moneyRoutes, "remittance": s.remittanceRoutes,
		"payment": s.paymentRoutes, "franchise": s.franchiseRoutes, "settlement": s.settlementRoutes, "money-query": s.regionRoutes,
	} {
		if s.has(name) {
			routes(r)
		}
	}
}

func (s *Server) membershipRoutes(r gin.IRouter) {
	r.POST("/v1/auth/logout", anyone, s.logout)
	r.POST("/v1/auth/validate", anyone, s.validateJwtToken)
	r.GET("/v1/memberships/me", anyone, s.getMembershipByJwtToken)
	r.GET("/v1/memberships/:id", anyone, named(id.Member, errs.MemberNotFound), s.findMembership)
	r.PATCH("/v1/memberships/:id", anyone, named(id.Member, errs.MemberNotFound), s.modifyMembership)
}

func (s *Server) bankingRoutes(r gin.IRouter) {
	r.POST("/v1/bank-accounts", member, s.registerBankAccount)
	r.POST("/v1/bank-accounts/async", member, s.registerBankAccountByEvent)
	r.GET("/v1/bank-accounts", member, s.listBankAccounts)
	r.GET("/v1/bank-accounts/:id", member, named(id.BankAccount, errs.BankAccountNotFound), s.findBankAccount)
	r.DELETE("/v1/bank-accounts/:id", member, named(id.BankAccount, errs.BankAccountNotFound), s.unlinkBankAccount)
	r.POST("/v1/firmbankings", operator, s.requestFirmbanking)
	r.POST("/v1/firmbankings/async", operator, s.requestFirmbankingByEvent)
	r.GET("/v1/firmbankings", overseers, s.listFirmbankings)
	r.GET("/v1/firmbankings/:id", overseers, named(id.Firmbanking, errs.FirmbankingNotFound), s.findFirmbanking)
	r.GET("/v1/bank-notices", overseers, s.listBankNotices)
	r.GET("/v1/bank-notices/:id", overseers, named(id.BankNotice, errs.BankNoticeNotFound), s.findBankNotice)
}

func (s *Server) moneyRoutes(r gin.IRouter) {
	r.POST("/v1/money", member, s.createMemberMoney)
	r.POST("/v1/money/increase", member, s.increaseMoney)
	r.POST("/v1/money/increase/async", member, s.increaseMoneyByEvent)
	r.POST("/v1/money/decrease", member, s.decreaseMoney)
	r.POST("/v1/money/decrease/async", member, s.decreaseMoneyByEvent)
	r.GET("/v1/money/increase/:id", readers, named(id.TopUp, errs.TopUpNotFound), s.findTopUp)
	r.GET("/v1/money/decrease/:id", readers, named(id.Withdrawal, errs.WithdrawalNotFound), s.findWithdrawal)
	r.GET("/v1/money/:membershipId", readers, named(id.Member, errs.WalletNotFound), s.getBalance)
	r.GET("/v1/money/:membershipId/transactions", readers, named(id.Member, errs.WalletNotFound), s.history)
}

func (s *Server) remittanceRoutes(r gin.IRouter) {
	r.POST("/v1/remittances", member, s.requestRemittance)
	r.GET("/v1/remittances", member, s.listRemittances)
	r.GET("/v1/remittances/:id", readers, named(id.Remittance, errs.RemittanceNotFound), s.findRemittance)
	r.POST("/v1/remittances/:id/cancel", member, named(id.Remittance, errs.RemittanceNotFound), s.cancelRemittance)
}

func (s *Server) paymentRoutes(r gin.IRouter) {
	r.POST("/v1/payments", member, s.requestPayment)
	r.GET("/v1/payments", anyone, s.listPayments)
	r.GET("/v1/payments/normal", onlookers, s.getNormalStatusPayments)
	r.GET("/v1/payments/:id", anyone, named(id.Payment, errs.PaymentNotFound), s.findPayment)
	r.POST("/v1/payments/:id/finish", operator, named(id.Payment, errs.PaymentNotFound), s.finishPayment)
	r.POST("/v1/payments/:id/cancels", merchants, named(id.Payment, errs.PaymentNotFound), s.cancelPayment)
	r.GET("/v1/payments/:id/cancels", anyone, named(id.Payment, errs.PaymentNotFound), s.listCancels)
	r.GET("/v1/payments/:id/cancels/:cancelId", anyone, named(id.Payment, errs.PaymentNotFound), s.findCancel)
}
