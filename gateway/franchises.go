package gateway

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/record"
	"durapay/services/banking"
	"durapay/services/franchise"
	"durapay/services/membership"
	"durapay/workflows/contract"
)

func (s *Server) franchiseRoutes(r gin.IRouter) {
	known := named(id.Franchise, errs.FranchiseNotFound)
	r.POST("/v1/franchises", operator, s.registerFranchise)
	r.GET("/v1/franchises", overseers, s.listFranchises)
	r.GET("/v1/franchises/:id", anyone, known, ownFranchise, s.findFranchise)
	r.PATCH("/v1/franchises/:id", operator, known, s.modifyFranchise)
	r.GET("/v1/franchise-fee-tiers", anyone, s.listFeeTiers)

	own := r.Group("/v1/franchises/:id", merchants, known, ownFranchise, s.franchiseExists())
	own.GET("/payout-changes/:changeId", namedAs("changeId", id.PayoutChange, errs.PayoutChangeNotFound), s.findPayoutChange)
	own.POST("/api-keys", s.createFranchiseAPIKey)
	own.GET("/api-keys", s.listFranchiseAPIKeys)
	own.DELETE("/api-keys/:keyId", namedAs("keyId", id.APIKey, errs.APIKeyNotFound), s.revokeFranchiseAPIKey)
	own.PUT("/webhook", s.setWebhook)
	own.GET("/webhook", s.findWebhook)
	own.DELETE("/webhook", s.removeWebhook)
	own.POST("/webhook/rotate-secret", s.rotateWebhookSecret)
	own.GET("/webhook/deliveries", s.listWebhookDeliveries)
	own.GET("/webhook/deliveries/:deliveryId", namedAs("deliveryId", id.Delivery, errs.WebhookDeliveryNotFound), s.findWebhookDelivery)
}

// namedAs lets only a well-formed id pass as this parameter of the path.
func namedAs(param, prefix string, none error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !id.Valid(prefix, c.Param(param)) {
			fail(c, none)
			return
		}
		c.Next()
	}
}

// ownFranchise hides other franchises from a franchise.
func ownFranchise(c *gin.Context) {
	if who := callerOf(c); who.Role == membership.RoleFranchise && who.ID != c.Param("id") {
		fail(c, errs.FranchiseNotFound)
		return
	}
	c.Next()
}

// franchiseExists keeps what belongs to no franchise from looking like an empty list. A
// franchise that asks for itself is there: its key was found.
func (s *Server) franchiseExists() gin.HandlerFunc {
	return func(c *gin.Context) {
		if callerOf(c).ID != c.Param("id") {
			if _, err := s.Franchise.Find(c, c.Param("id")); err != nil {
				fail(c, err)
				return
			}
		}
		c.Next()
	}
}

// FranchisePayoutRequest is the account a franchise wants to be paid out to.
type FranchisePayoutRequest struct {
	BankCode      string `json:"bankCode" example:"088"`
	AccountNumber string `json:"accountNumber" example:"110234567890"`
	HolderName    string `json:"holderName" example:"주식회사 하나커피"`
} // @name FranchisePayoutRequest

func (r FranchisePayoutRequest) payout() franchise.Payout {
	return franchise.Payout{BankCode: r.BankCode, Number: r.AccountNumber, HolderName: r.HolderName}
}

// FeeTierRequest asks for the preferential rate of a tier.
type FeeTierRequest struct {
	YearlySales *int64 `json:"yearlySales" validate:"required" minimum:"0" example:"280000000"` // won
	Method      string `json:"method" enums:"CREDIT,CHECK" example:"CHECK"`
} // @name FeeTierRequest

// FranchiseContractRequest is a fee contract: with its fee, or with the tier that gives it.
type FranchiseContractRequest struct {
	FeeBasisPoints     *int64          `json:"feeBasisPoints,omitempty" validate:"omitempty,min=0,max=10000" minimum:"0" maximum:"10000" example:"150"` // of 10,000; without a tier
	Tier               *FeeTierRequest `json:"tier,omitempty"`                                                                                          // without feeBasisPoints
	EffectiveFrom      string          `json:"effectiveFrom" example:"2026-11-22"`                                                                      // a date in Seoul
	Cycle              string          `json:"cycle" enums:"DAILY,WEEKLY,MONTHLY" example:"DAILY"`
	PayoutBusinessDays *int64          `json:"payoutBusinessDays" validate:"required,min=0,max=10" minimum:"0" maximum:"10" example:"2"` // after the end of a cycle
} // @name FranchiseContractRequest

// contract reads a request that is bound: what is needed is there, and in its range.
func (r FranchiseContractRequest) contract() franchise.NewContract {
	n := franchise.NewContract{EffectiveFrom: r.EffectiveFrom, Cycle: franchise.Cycle(r.Cycle), PayoutBusinessDays: int(*r.PayoutBusinessDays)}
	if r.FeeBasisPoints != nil {
		fee := int(*r.FeeBasisPoints)
		n.FeeBasisPoints = &fee
	}
	if r.Tier != nil {
		n.Tier = &franchise.Tier{YearlySales: *r.Tier.YearlySales, Method: franchise.Method(r.Tier.Method)}
	}
	return n
}

// agreed gives a contract that is checked with its rate, which is the tier's on the day
// the contract begins.
func agreed(n franchise.NewContract) contract.Contract {
	c := contract.Contract{EffectiveFrom: n.EffectiveFrom, Cycle: string(n.Cycle), PayoutBusinessDays: n.PayoutBusinessDays}
	switch {
	case n.FeeBasisPoints != nil:
		c.FeeBasisPoints = *n.FeeBasisPoints
	case n.Tier != nil:
		c.FeeBasisPoints, _ = franchise.PreferentialRate(n.Tier.YearlySales, n.Tier.Method, n.EffectiveFrom)
	}
	return c
}

// FranchiseRequest asks for a franchise.
type FranchiseRequest struct {
	Name           string                   `json:"name" example:"하나커피 강남점"`
	BusinessNumber string                   `json:"businessNumber" example:"124-81-00998"` // the check digit is verified
	Contact        string                   `json:"contact,omitempty" example:"김하나 010-1234-5678"`
	Payout         FranchisePayoutRequest   `json:"payout"`
	Contract       FranchiseContractRequest `json:"contract"`
} // @name FranchiseRequest

func (r FranchiseRequest) franchise() franchise.NewFranchise {
	return franchise.NewFranchise{Name: r.Name, BusinessNumber: r.BusinessNumber, Contact: r.Contact, Payout: r.Payout.payout(), Contract: r.Contract.contract()}
}

// normal gives the one way of writing it: another way is the same request.
func (r FranchiseRequest) normal() FranchiseRequest {
	n := r.franchise().Normal()
	r.Name, r.BusinessNumber, r.Contact = n.Name, n.BusinessNumber, n.Contact
	r.Payout = FranchisePayoutRequest{BankCode: n.Payout.BankCode, AccountNumber: n.Payout.Number, HolderName: n.Payout.HolderName}
	return r
}

// FranchisePatch changes the fields that are given. A payout account is confirmed by its
// bank first, so it is changed alone.
type FranchisePatch struct {
	Name     *string                   `json:"name,omitempty" validate:"omitempty,excluded_with=Payout" example:"하나커피 강남점"`
	Contact  *string                   `json:"contact,omitempty" validate:"omitempty,excluded_with=Payout" example:"김하나 010-1234-5678"`
	State    *string                   `json:"state,omitempty" validate:"omitempty,excluded_with=Payout,oneof=ACTIVE DEACTIVATED" enums:"ACTIVE,DEACTIVATED" example:"DEACTIVATED"`
	Contract *FranchiseContractRequest `json:"contract,omitempty" validate:"omitempty,excluded_with=Payout"` // from tomorrow on
	Payout   *FranchisePayoutRequest   `json:"payout,omitempty"`
} // @name FranchisePatch

func (r FranchisePatch) patch() franchise.Patch {
	p := franchise.Patch{Name: r.Name, Contact: r.Contact}
	if r.State != nil {
		status := franchise.Status(*r.State)
		p.Status = &status
	}
	if r.Contract != nil {
		n := r.Contract.contract()
		p.Contract = &n
	}
	return p
}

// FranchisePayout is where a franchise is paid out; the number is masked.
type FranchisePayout struct {
	BankCode      string     `json:"bankCode" example:"088"`
	AccountNumber string     `json:"accountNumber" example:"********7890"`
	VerifiedAt    *time.Time `json:"verifiedAt,omitempty" example:"2026-11-20T00:30:00Z"` // when its bank confirmed it
} // @name FranchisePayout

// FranchiseContract is what holds from a date on, until the next one begins.
type FranchiseContract struct {
	EffectiveFrom      string `json:"effectiveFrom" example:"2026-11-22"`
	FeeBasisPoints     int    `json:"feeBasisPoints" example:"150"`
	Cycle              string `json:"cycle" enums:"DAILY,WEEKLY,MONTHLY" example:"DAILY"`
	PayoutBusinessDays int    `json:"payoutBusinessDays" example:"2"`
} // @name FranchiseContract

// Franchise is a merchant, or the registration of one. A member sees its name and state.
type Franchise struct {
	ID             string              `json:"id" example:"fra_01JZ0000000000000000000000"`
	Name           string              `json:"name" example:"하나커피 강남점"`
	State          string              `json:"state" enums:"REQUESTED,PROCESSING,WAITING,UNKNOWN,FAILED,CANCELLED,ACTIVE,DEACTIVATED" example:"ACTIVE"`
	BusinessNumber string              `json:"businessNumber,omitempty" example:"1248100998"`
	Contact        string              `json:"contact,omitempty" example:"김하나 010-1234-5678"` // for operators and the franchise itself
	Payout         *FranchisePayout    `json:"payout,omitempty"`
	Contract       *FranchiseContract  `json:"contract,omitempty"`                             // in force today
	Contracts      []FranchiseContract `json:"contracts,omitempty"`                            // all, by their dates
	Failure        *Failure            `json:"failure,omitempty"`                              // of the registration
	Until          *time.Time          `json:"until,omitempty" example:"2026-11-20T15:30:00Z"` // when a registration that waits goes on
	CreatedAt      *time.Time          `json:"createdAt,omitempty" example:"2026-11-20T00:30:00Z"`
	UpdatedAt      *time.Time          `json:"updatedAt,omitempty" example:"2026-11-20T00:30:02Z"`
} // @name Franchise

// FranchisePage is a page of franchises.
type FranchisePage struct {
	Items []Franchise `json:"items"`
	Next  string      `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name FranchisePage

func franchiseView(c *gin.Context, f franchise.Franchise) Franchise {
	v := Franchise{ID: f.ID, Name: f.Name, State: franchiseState(f)}
	who := callerOf(c)
	if who.Role == membership.RoleMember {
		return v
	}
	v.BusinessNumber, v.Failure, v.Until = f.BusinessNumber, failureView(c, f.Failure), optionalTime(f.Until)
	v.CreatedAt, v.UpdatedAt = optionalTime(f.CreatedAt), optionalTime(f.UpdatedAt)
	v.Payout = &FranchisePayout{BankCode: f.Payout.BankCode, AccountNumber: f.Payout.MaskedNumber(), VerifiedAt: optionalTime(f.PayoutVerifiedAt)}
	if now, found := franchise.InForce(f.Contracts, franchise.DateOf(time.Now())); found {
		inForce := contractView(now)
		v.Contract = &inForce
	}
	for _, agreement := range f.Contracts {
		v.Contracts = append(v.Contracts, contractView(agreement))
	}
	if who.Role == membership.RoleOperator || who.ID == f.ID { // a person's data: not even for auditors
		v.Contact = f.Contact
	}
	return v
}

// franchiseState gives one word for how a franchise stands: as a registration, and once
// it has succeeded as a merchant.
func franchiseState(f franchise.Franchise) string {
	if f.State == record.Succeeded {
		return string(f.Status)
	}
	return string(f.State)
}

func contractView(c franchise.Contract) FranchiseContract {
	return FranchiseContract{EffectiveFrom: c.EffectiveFrom, FeeBasisPoints: c.FeeBasisPoints, Cycle: string(c.Cycle), PayoutBusinessDays: c.PayoutBusinessDays}
}

// payoutPointer is where both bodies have the account's bank.
const payoutPointer = "/payout"

// withBank adds to what is wrong with a body that no bank has its account's code: which
// banks there are is the banking service's to know.
func withBank(bad *errs.Error, bankCode string) error {
	var fields []errs.Field
	if bad != nil {
		fields = bad.Fields
	}
	const pointer = payoutPointer + "/bankCode"
	told := slices.ContainsFunc(fields, func(f errs.Field) bool { return f.Pointer == pointer })
	if _, known := banking.FindInstitution(bankCode); !known && !told {
		fields = append(slices.Clone(fields), errs.InvalidField(pointer, errs.FieldNotOneOf, "allowed", "the code of a bank").Fields...)
	}
	if len(fields) == 0 {
		return nil
	}
	return errs.InvalidFields(fields...)
}

// below moves what is wrong with a part of a body to where the body has the part.
func below(prefix string, bad *errs.Error) *errs.Error {
	if bad == nil {
		return nil
	}
	fields := slices.Clone(bad.Fields)
	for i := range fields {
		fields[i].Pointer = prefix + fields[i].Pointer
	}
	return errs.InvalidFields(fields...)
}

// registerFranchise takes a franchise up once the bank has confirmed its payout account.
//
//	@Summary		Register a franchise
//	@Description	The bank says whether the payout account exists, is open and the holder's name matches. The contract has either feeBasisPoints or a tier, which gives its preferential rate. An Idempotency-Key is optional.
//	@ID				registerFranchise
//	@Tags			franchise
//	@Security		Bearer
//	@Param			Idempotency-Key	header		string				false	"makes a repeat the same request"
//	@Param			Prefer			header		string				false	"respond-async answers 202 at once"
//	@Param			body			body		FranchiseRequest	true	"the franchise"
//	@Success		201				{object}	Franchise
//	@Header			201				{string}	Location	"the franchise"
//	@Header			201				{string}	ETag		"for If-Match"
//	@Success		202				{object}	Accepted
//	@Header			202				{string}	Location	"the flow"
//	@Failure		400,401,403,409,422,500,503	{object}	problem.Problem
//	@Router			/v1/franchises [post]
func (s *Server) registerFranchise(c *gin.Context) {
	var body FranchiseRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	body = body.normal() // a queue is named by the bank's code: as it is known, not as it was typed
	n := body.franchise()
	if err := withBank(s.Franchise.Check(n), n.Payout.BankCode); err != nil {
		fail(c, err)
		return
	}
	franchiseID, err := optionalKeyID(c, id.Franchise, callerOf(c).ID, "franchise")
	if err != nil {
		fail(c, err)
		return
	}
	in := contract.Franchise{ID: franchiseID, Name: n.Name, BusinessNumber: n.BusinessNumber, Contact: n.Contact,
		Payout: accountOf(n.Payout), Contract: agreed(n.Contract), Fingerprint: s.fingerprint("franchise", body)}
	f := launch{recordID: in.ID, workflow: contract.FranchiseFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.FranchiseSummary(in), row: s.rowReader(in.ID), attributes: franchiseAttributes(in.ID, in.Payout)}
	s.serveFranchise(c, f, in.ID, http.StatusCreated, franchisePath(in.ID))
}

func franchisePath(franchiseID string) string { return "/v1/franchises/" + franchiseID }

func accountOf(p franchise.Payout) contract.Account {
	return contract.Account{BankCode: p.BankCode, Number: p.Number, HolderName: p.HolderName}
}

func franchiseAttributes(franchiseID string, payout contract.Account) []temporal.SearchAttributeUpdate {
	return []temporal.SearchAttributeUpdate{contract.FranchiseIDKey.ValueSet(franchiseID), contract.BankCodeKey.ValueSet(payout.BankCode)}
}

// serveFranchise runs a flow that works on a franchise, and answers a success with the
// franchise as it then is. Location is that of the flow's own record.
func (s *Server) serveFranchise(c *gin.Context, f launch, franchiseID string, status int, location string) {
	s.await(c, f, respondAsync(c), location, func(outcome) {
		if status == http.StatusCreated {
			c.Header("Location", location)
		}
		s.showFranchise(c, franchiseID, status)
	})
}

func (s *Server) showFranchise(c *gin.Context, franchiseID string, status int) {
	f, err := s.Franchise.Find(c, franchiseID)
	if err != nil {
		fail(c, err)
		return
	}
	answerFranchise(c, status, f)
}

func answerFranchise(c *gin.Context, status int, f franchise.Franchise) {
	c.Header("ETag", strconv.Quote(strconv.FormatInt(f.Version, 10)))
	c.JSON(status, franchiseView(c, f))
}

// listFranchises lists franchises, and registrations that have not succeeded.
//
//	@Summary	Franchises
//	@ID			listFranchises
//	@Tags		franchise
//	@Security	Bearer
//	@Param		status	query		string	false	"ACTIVE or DEACTIVATED; without it registrations too"	Enums(ACTIVE, DEACTIVATED)
//	@Param		cursor	query		string	false	"next of the page before"
//	@Param		limit	query		int		false	"1 to 100, default 20"
//	@Success	200		{object}	FranchisePage
//	@Failure	400,401,403,500,503	{object}	problem.Problem
//	@Router		/v1/franchises [get]
func (s *Server) listFranchises(c *gin.Context) {
	request, err := pageOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	status, err := franchiseStatusOf(c)
	if err != nil {
		fail(c, err)
		return
	}
	p, err := s.Franchise.List(c, request, status)
	if err != nil {
		fail(c, err)
		return
	}
	items, next := viewPage(p, func(f franchise.Franchise) Franchise { return franchiseView(c, f) })
	c.JSON(http.StatusOK, FranchisePage{Items: items, Next: next})
}

func franchiseStatusOf(c *gin.Context) (franchise.Status, error) {
	switch status := franchise.Status(c.Query("status")); status {
	case franchise.Unregistered, franchise.Active, franchise.Deactivated:
		return status, nil
	default:
		return "", errs.InvalidField("?status", errs.FieldNotOneOf, "allowed", string(franchise.Active)+", "+string(franchise.Deactivated))
	}
}

// findFranchise shows a franchise. A member may know whom it can pay.
//
//	@Summary		One franchise
//	@Description	Operators and auditors see any, a franchise itself, and a member the name of an active one.
//	@ID				findFranchise
//	@Tags			franchise
//	@Security		Bearer
//	@Security		APIKey
//	@Param			id		path		string	true	"the franchise's id"
//	@Success		200		{object}	Franchise
//	@Header			200		{string}	ETag	"for If-Match"
//	@Failure		401,404,500,503	{object}	problem.Problem
//	@Router			/v1/franchises/{id} [get]
func (s *Server) findFranchise(c *gin.Context) {
	f, err := s.Franchise.Find(c, c.Param("id"))
	switch {
	case err != nil:
		fail(c, err)
	case callerOf(c).Role != membership.RoleMember:
		answerFranchise(c, http.StatusOK, f)
	case f.Status == franchise.Active:
		c.JSON(http.StatusOK, franchiseView(c, f))
	default:
		fail(c, errs.FranchiseNotFound)
	}
}

// modifyFranchise changes what is given; an account to be paid out to by a flow.
//
//	@Summary		Change a franchise
//	@Description	A new contract begins tomorrow (Asia/Seoul) or later. A payout account is confirmed by its bank before it is used, so it comes alone; an Idempotency-Key makes a repeat of that the same request.
//	@ID				modifyFranchise
//	@Tags			franchise
//	@Security		Bearer
//	@Param			id				path		string			true	"the franchise's id"
//	@Param			If-Match		header		string			true	"the ETag that was read; refused when the franchise has changed since"
//	@Param			Idempotency-Key	header		string			false	"makes a repeat of a payout account's change the same request"
//	@Param			Prefer			header		string			false	"respond-async answers a payout account's change with 202 at once"
//	@Param			body			body		FranchisePatch	true	"what to change"
//	@Success		200				{object}	Franchise
//	@Header			200				{string}	ETag	"for If-Match"
//	@Success		202				{object}	Accepted
//	@Header			202				{string}	Location	"the flow"
//	@Failure		400,401,403,404,409,412,422,428,500,503	{object}	problem.Problem
//	@Router			/v1/franchises/{id} [patch]
func (s *Server) modifyFranchise(c *gin.Context) {
	version, err := ifMatch(c)
	if err == nil && version == 0 { // a contract written over another one costs money: no change unseen
		failWith(c, http.StatusPreconditionRequired, errs.EtagMissing)
		return
	}
	var body FranchisePatch
	if err == nil {
		err = bind(c, &body)
	}
	if err != nil {
		fail(c, err)
		return
	}
	if body.Payout != nil {
		s.changePayout(c, version, body.Payout.payout().Normal())
		return
	}
	f, err := s.Franchise.Modify(c, c.Param("id"), version, body.patch())
	if err != nil {
		fail(c, err)
		return
	}
	answerFranchise(c, http.StatusOK, f)
}

// changePayout has the bank confirm an account, and then pays out to it.
func (s *Server) changePayout(c *gin.Context, version int64, payout franchise.Payout) {
	if err := withBank(below(payoutPointer, s.Franchise.CheckPayout(payout)), payout.BankCode); err != nil {
		fail(c, err)
		return
	}
	franchiseID := c.Param("id")
	changeID, err := optionalKeyID(c, id.PayoutChange, callerOf(c).ID, "payout-change")
	if err == nil {
		err = s.mayChangePayout(c, franchiseID, changeID, version)
	}
	if err != nil {
		fail(c, err)
		return
	}
	in := contract.PayoutChange{ID: changeID, FranchiseID: franchiseID, Payout: accountOf(payout)}
	in.Fingerprint = s.fingerprint("payout-change", in)
	f := launch{recordID: in.ID, workflow: contract.PayoutChangeFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.PayoutChangeSummary(in), row: s.rowReader(in.ID), attributes: franchiseAttributes(franchiseID, in.Payout)}
	s.serveFranchise(c, f, franchiseID, http.StatusOK, franchisePath(franchiseID)+"/payout-changes/"+changeID)
}

// mayChangePayout compares the version that the client has seen. A repeat is let through:
// the change it asked for has made a new version.
func (s *Server) mayChangePayout(ctx context.Context, franchiseID, changeID string, version int64) error {
	if _, err := s.Franchise.FindPayoutChange(ctx, franchiseID, changeID); err == nil || errs.KindOf(err) != errs.NotFound {
		return err
	}
	f, err := s.Franchise.Find(ctx, franchiseID)
	switch {
	case err != nil:
		return err
	case f.State != record.Succeeded:
		return errs.FranchiseNotFound
	case f.Version != version:
		return errs.EtagMismatch
	default:
		return nil
	}
}

// PayoutChange is a change of the account a franchise is paid out to.
type PayoutChange struct {
	ID          string          `json:"id" example:"pch_01JZ0000000000000000000000"`
	FranchiseID string          `json:"franchiseId" example:"fra_01JZ0000000000000000000000"`
	State       record.State    `json:"state" example:"SUCCEEDED"`
	Payout      FranchisePayout `json:"payout"`
	Failure     *Failure        `json:"failure,omitempty"`
	Until       *time.Time      `json:"until,omitempty" example:"2026-11-20T15:30:00Z"`
	CreatedAt   time.Time       `json:"createdAt" example:"2026-11-20T00:30:00Z"`
	UpdatedAt   time.Time       `json:"updatedAt" example:"2026-11-20T00:30:02Z"`
} // @name PayoutChange

// findPayoutChange shows a change of a payout account.
//
//	@Summary	One change of a payout account
//	@ID			findPayoutChange
//	@Tags		franchise
//	@Security	Bearer
//	@Security	APIKey
//	@Param		id			path		string	true	"the franchise's id"
//	@Param		changeId	path		string	true	"the change's id"
//	@Success	200			{object}	PayoutChange
//	@Failure	401,403,404,500,503	{object}	problem.Problem
//	@Router		/v1/franchises/{id}/payout-changes/{changeId} [get]
func (s *Server) findPayoutChange(c *gin.Context) {
	p, err := s.Franchise.FindPayoutChange(c, c.Param("id"), c.Param("changeId"))
	if err != nil {
		fail(c, err)
		return
	}
	v := PayoutChange{ID: p.ID, FranchiseID: p.FranchiseID, State: p.State, Failure: failureView(c, p.Failure), Until: optionalTime(p.Until),
		Payout: FranchisePayout{BankCode: p.Payout.BankCode, AccountNumber: p.Payout.MaskedNumber()}, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	if p.State == record.Succeeded {
		v.Payout.VerifiedAt = &v.UpdatedAt
	}
	c.JSON(http.StatusOK, v)
}

// FeeTier is a line of the table of preferential rates.
type FeeTier struct {
	EffectiveFrom     string `json:"effectiveFrom" example:"2025-02-14"`
	MaxYearlySales    int64  `json:"maxYearlySales" example:"300000000"` // won, included
	CreditBasisPoints int    `json:"creditBasisPoints" example:"40"`
	CheckBasisPoints  int    `json:"checkBasisPoints" example:"15"`
} // @name FeeTier

// FeeTierPage is the table of preferential rates, whole.
type FeeTierPage struct {
	Items []FeeTier `json:"items"`
	Next  string    `json:"next,omitempty" example:"eyJ0IjoiMjAyNi0xMS0yMFQwMDozMDowMFoiLCJpIjoicmVtXzAxSlowMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0"`
} // @name FeeTierPage

// listFeeTiers shows the preferential rates by yearly sales.
//
//	@Summary	The preferential fees by yearly sales
//	@ID			listFeeTiers
//	@Tags		franchise
//	@Security	Bearer
//	@Security	APIKey
//	@Success	200	{object}	FeeTierPage
//	@Failure	401,500,503	{object}	problem.Problem
//	@Router		/v1/franchise-fee-tiers [get]
func (s *Server) listFeeTiers(c *gin.Context) {
	table, err := franchise.Tiers()
	if err != nil {
		fail(c, err)
		return
	}
	items := make([]FeeTier, len(table))
	for i, t := range table {
		items[i] = FeeTier{EffectiveFrom: t.EffectiveFrom, MaxYearlySales: t.MaxYearlySales, CreditBasisPoints: t.CreditBP, CheckBasisPoints: t.CheckBP}
	}
	c.JSON(http.StatusOK, FeeTierPage{Items: items})
}
