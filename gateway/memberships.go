package gateway

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/temporal"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/services/membership"
	"durapay/workflows/contract"
)

// Address is where a member lives; the region is one of Korea's 17.
type Address struct {
	Region string `json:"region" example:"SEOUL"`
	Detail string `json:"detail" example:"Sejong-daero 110"`
} // @name Address

// RegisterRequest asks for a member.
type RegisterRequest struct {
	Name     string  `json:"name" example:"김하나"`
	Email    string  `json:"email" example:"hana@example.com"`
	Password string  `json:"password" example:"correct-horse-battery"`
	Phone    string  `json:"phone" example:"010-1234-5678"`
	Address  Address `json:"address"`
} // @name RegisterRequest

// Member is a member as itself and operators see it.
type Member struct {
	ID        string    `json:"id" example:"mem_01JZ0000000000000000000000"`
	Name      string    `json:"name" example:"김하나"`
	Email     string    `json:"email" example:"hana@example.com"`
	Phone     string    `json:"phone" example:"+821012345678"`
	Address   Address   `json:"address"`
	Role      string    `json:"role" example:"MEMBER"`
	State     string    `json:"state" example:"ACTIVE"`
	Verified  bool      `json:"verified" example:"true"` // real name confirmed by a bank
	CreatedAt time.Time `json:"createdAt" example:"2026-11-20T00:30:00Z"`
	UpdatedAt time.Time `json:"updatedAt" example:"2026-11-20T00:30:02Z"`
} // @name Member

// ModifyRequest changes the fields that are given.
type ModifyRequest struct {
	Name    *string        `json:"name,omitempty" example:"김하나"`
	Phone   *string        `json:"phone,omitempty" example:"010-1234-5678"`
	Address *ModifyAddress `json:"address,omitempty"`
	State   *string        `json:"state,omitempty" enums:"ACTIVE,DEACTIVATED" example:"DEACTIVATED"`
} // @name ModifyRequest

// ModifyAddress changes the parts that are given.
type ModifyAddress struct {
	Region *string `json:"region,omitempty" example:"BUSAN"`
	Detail *string `json:"detail,omitempty" example:"Jungang-daero 1001"`
} // @name ModifyAddress

func (r RegisterRequest) registration() membership.Registration {
	return membership.Registration{Name: r.Name, Email: r.Email, Password: r.Password, Phone: r.Phone,
		Address: membership.Address{Region: r.Address.Region, Detail: r.Address.Detail}}
}

func memberView(m membership.Member) Member {
	return Member{ID: m.ID, Name: m.Name, Email: m.Email, Phone: m.Phone,
		Address: Address{Region: m.Address.Region, Detail: m.Address.Detail},
		Role:    string(m.Role), State: string(m.State), Verified: m.Verified, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt}
}

// registerMembership makes a member at once. Its wallet is opened by createMemberMoney.
//
//	@Summary	Register a member
//	@ID			registerMembership
//	@Tags		membership
//	@Param		body	body		RegisterRequest	true	"the member"
//	@Success	201		{object}	Member
//	@Header		201		{string}	Location	"the member"
//	@Failure	400,409,500,503	{object}	problem.Problem
//	@Router		/v1/memberships [post]
func (s *Server) registerMembership(c *gin.Context) {
	var body RegisterRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	m, err := s.Membership.Register(c, id.New(id.Member), body.registration())
	if err != nil {
		fail(c, err)
		return
	}
	setETag(c, m)
	c.Header("Location", "/v1/memberships/"+m.ID)
	c.JSON(http.StatusCreated, memberView(m))
}

// registerMembershipEvent makes a member and its wallet in a flow. The flow carries the
// personal data only encrypted by the membership service, and no password at all.
//
//	@Summary		Register a member with a wallet, as a flow
//	@Description	An Idempotency-Key is optional here. The flow's id is told to the caller alone and is all that is needed to read it.
//	@ID				registerMembershipEvent
//	@Tags			membership
//	@Param			Idempotency-Key	header		string			false	"makes a repeat the same request"
//	@Param			body			body		RegisterRequest	true	"the member"
//	@Success		202				{object}	Accepted
//	@Header			202				{string}	Location	"the flow"
//	@Failure		400,422,500,503	{object}	problem.Problem
//	@Router			/v1/memberships/async [post]
func (s *Server) registerMembershipEvent(c *gin.Context) {
	var body RegisterRequest
	if err := bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	registration := body.registration()
	if err := registration.Check(); err != nil {
		fail(c, err)
		return
	}
	// Nobody is signed in: the caller is whoever has this e-mail, by a keyed hash.
	who := hex.EncodeToString(s.Fingerprint.Index("registration.caller", strings.ToLower(strings.TrimSpace(body.Email))))
	flowID, err := optionalKeyID(c, id.Registration, who, "registration")
	if err != nil {
		fail(c, err)
		return
	}
	in := contract.Registration{ID: flowID, MemberID: id.Derive(id.Member, flowID), Fingerprint: s.fingerprint("registration", body)}
	if in.Sealed, err = s.Membership.Seal(c, in.MemberID, registration); err != nil {
		fail(c, err)
		return
	}
	f := launch{recordID: flowID, workflow: contract.RegistrationFlow, input: in, fingerprint: in.Fingerprint,
		summary: contract.RegistrationSummary(in), row: s.rowReader(flowID),
		attributes: []temporal.SearchAttributeUpdate{contract.MembershipIDKey.ValueSet(in.MemberID)}}
	if _, err := s.flows.start(c, f); err != nil {
		fail(c, err)
		return
	}
	s.accepted(c, in.MemberID, flowID)
}

// findMembership shows a member to itself and to operators.
//
//	@Summary	Read a member
//	@ID			findMembership
//	@Tags		membership
//	@Security	Bearer
//	@Param		id		path		string	true	"the member's id"
//	@Success	200		{object}	Member
//	@Header		200		{string}	ETag	"for If-Match"
//	@Failure	401,404,500,503	{object}	problem.Problem
//	@Router		/v1/memberships/{id} [get]
func (s *Server) findMembership(c *gin.Context) { s.showMember(c, c.Param("id")) }

// getMembershipByJwtToken shows the caller.
//
//	@Summary	Read the caller
//	@ID			getMembershipByJwtToken
//	@Tags		membership
//	@Security	Bearer
//	@Success	200	{object}	Member
//	@Failure	401,404,500,503	{object}	problem.Problem
//	@Router		/v1/memberships/me [get]
func (s *Server) getMembershipByJwtToken(c *gin.Context) { s.showMember(c, callerOf(c).ID) }

func (s *Server) showMember(c *gin.Context, memberID string) {
	if who := callerOf(c); who.ID != memberID && who.Role != membership.RoleOperator { // not even for auditors: it is decrypted
		fail(c, errs.MemberNotFound)
		return
	}
	m, err := s.Membership.Find(c, memberID)
	if err != nil {
		fail(c, err)
		return
	}
	setETag(c, m)
	c.JSON(http.StatusOK, memberView(m))
}

// modifyMembership changes what is given.
//
//	@Summary	Change a member
//	@ID			modifyMembership
//	@Tags		membership
//	@Security	Bearer
//	@Param		id			path		string			true	"the member's id"
//	@Param		If-Match	header		string			false	"the ETag that was read; refused when the member has changed since"
//	@Param		body		body		ModifyRequest	true	"what to change"
//	@Success	200			{object}	Member
//	@Header		200			{string}	ETag	"for If-Match"
//	@Failure	400,401,403,404,412,500,503	{object}	problem.Problem
//	@Router		/v1/memberships/{id} [patch]
func (s *Server) modifyMembership(c *gin.Context) {
	memberID := c.Param("id")
	who := callerOf(c)
	if who.ID != memberID && who.Role != membership.RoleOperator {
		fail(c, errs.MemberNotFound)
		return
	}
	var body ModifyRequest
	version, err := ifMatch(c)
	if err == nil {
		err = bind(c, &body)
	}
	if err != nil {
		fail(c, err)
		return
	}
	m, err := s.Membership.Modify(c, memberID, version, body.patch(who))
	if err != nil {
		fail(c, err)
		return
	}
	setETag(c, m)
	c.JSON(http.StatusOK, memberView(m))
}

func (r ModifyRequest) patch(who caller) membership.Patch {
	p := membership.Patch{Name: r.Name, Phone: r.Phone, ByOperator: who.Role == membership.RoleOperator}
	if r.Address != nil {
		p.Address = &membership.AddressPatch{Region: r.Address.Region, Detail: r.Address.Detail}
	}
	if r.State != nil {
		state := membership.State(*r.State)
		p.State = &state
	}
	return p
}

func setETag(c *gin.Context, m membership.Member) {
	c.Header("ETag", fmt.Sprintf("%q", strconv.FormatInt(m.Version, 10)))
}

// ifMatch reads the version that the client has seen; 0 when it does not say.
func ifMatch(c *gin.Context) (int64, error) {
	h := c.GetHeader("If-Match")
	if h == "" || h == "*" {
		return 0, nil
	}
	unquoted, err := strconv.Unquote(h)
	if err != nil {
		return 0, errs.EtagMissing
	}
	v, err := strconv.ParseInt(unquoted, 10, 64)
	if err != nil || v < 1 || strconv.FormatInt(v, 10) != unquoted {
		return 0, errs.EtagMismatch // an ETag we never gave matches nothing
	}
	return v, nil
}
