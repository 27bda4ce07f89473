package membership

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"durapay/errs"
)

func goodRegistration() Registration {
	return Registration{
		Name: "홍길동", Email: "hong@example.com", Password: "correct horse", Phone: "010-1234-5678",
		Address: Address{Region: "서울", Detail: "세종대로 110"},
	}
}

func TestRegistrationIsNormalised(t *testing.T) {
	r := Registration{
		Name: "  " + norm.NFD.String("홍길동") + " ", Email: " Hong@Example.COM ", Password: norm.NFD.String("비밀번호 열 글자 넘게"),
		Phone: " 01012345678 ", Address: Address{Region: "seoul", Detail: " " + norm.NFD.String("세종대로") + " "},
	}
	n, err := r.Normalised()
	require.NoError(t, err)
	require.Equal(t, Registration{
		Name: "홍길동", Email: "hong@example.com", Password: "비밀번호 열 글자 넘게", Phone: "+821012345678",
		Address: Address{Region: "SEOUL", Detail: "세종대로"},
	}, n)
}

func TestRegistrationFields(t *testing.T) {
	long := strings.Repeat
	for name, c := range map[string]struct {
		change  func(r *Registration)
		pointer string
		code    *errs.Error
	}{
		"name missing":         {func(r *Registration) { r.Name = " \t" }, "/name", errs.FieldRequired},
		"name of 50":           {func(r *Registration) { r.Name = long("가", 50) }, "", nil},
		"name of 50 in jamo":   {func(r *Registration) { r.Name = norm.NFD.String(long("각", 50)) }, "", nil},
		"name of 51":           {func(r *Registration) { r.Name = long("가", 51) }, "/name", errs.FieldTooLong},
		"name with a break":    {func(r *Registration) { r.Name = "홍\n길동" }, "/name", errs.FieldFormat},
		"name with a NUL":      {func(r *Registration) { r.Name = "홍\x00길동" }, "/name", errs.FieldFormat},
		"name turned around":   {func(r *Registration) { r.Name = "홍\u202e길동" }, "/name", errs.FieldFormat},
		"name not UTF-8":       {func(r *Registration) { r.Name = "\xff\xfe" }, "/name", errs.FieldFormat},
		"email missing":        {func(r *Registration) { r.Email = "" }, "/email", errs.FieldRequired},
		"email without @":      {func(r *Registration) { r.Email = "hong.example.com" }, "/email", errs.FieldFormat},
		"email without domain": {func(r *Registration) { r.Email = "hong@" }, "/email", errs.FieldFormat},
		"email with name":      {func(r *Registration) { r.Email = "Hong <hong@example.com>" }, "/email", errs.FieldFormat},
		"email in brackets":    {func(r *Registration) { r.Email = "<hong@example.com>" }, "/email", errs.FieldFormat},
		"two emails":           {func(r *Registration) { r.Email = "a@example.com, b@example.com" }, "/email", errs.FieldFormat},
		"email with comment":   {func(r *Registration) { r.Email = "hong@example.com (me)" }, "/email", errs.FieldFormat},
		"email with a break":   {func(r *Registration) { r.Email = "hong@exa\r\nmple.com" }, "/email", errs.FieldFormat},
		"email of 254":         {func(r *Registration) { r.Email = "a@" + long("b", 248) + ".com" }, "", nil},
		"email of 255":         {func(r *Registration) { r.Email = "a@" + long("b", 249) + ".com" }, "/email", errs.FieldTooLong},
		"email with plus":      {func(r *Registration) { r.Email = "hong+pay@example.com" }, "", nil},
		"password missing":     {func(r *Registration) { r.Password = "" }, "/password", errs.FieldRequired},
		"password of 9":        {func(r *Registration) { r.Password = long("a", 9) }, "/password", errs.FieldTooShort},
		"password of 10":       {func(r *Registration) { r.Password = long("a", 10) }, "", nil},
		"password of 9 Korean": {func(r *Registration) { r.Password = norm.NFD.String(long("각", 9)) }, "/password", errs.FieldTooShort},
		"password of spaces":   {func(r *Registration) { r.Password = long(" ", 10) }, "", nil},
		"password of 128":      {func(r *Registration) { r.Password = long("가", 128) }, "", nil},
		"password of 129":      {func(r *Registration) { r.Password = long("a", 129) }, "/password", errs.FieldTooLong},
		"password not UTF-8":   {func(r *Registration) { r.Password = long("\xff", 12) }, "/password", errs.FieldFormat},
		"phone missing":        {func(r *Registration) { r.Phone = "" }, "/phone", errs.FieldRequired},
		"phone of a house":     {func(r *Registration) { r.Phone = "02-123-4567" }, "/phone", errs.FieldFormat},
		"phone too long":       {func(r *Registration) { r.Phone = "010-12345-6789" }, "/phone", errs.FieldFormat},
		"phone of elsewhere":   {func(r *Registration) { r.Phone = "+1 212 555 0100" }, "/phone", errs.FieldFormat},
		"phone in Arabic":      {func(r *Registration) { r.Phone = "010-١٢٣٤-5678" }, "/phone", errs.FieldFormat},
		"region missing":       {func(r *Registration) { r.Address.Region = "" }, "/address/region", errs.FieldRequired},
		"region unknown":       {func(r *Registration) { r.Address.Region = "평양" }, "/address/region", errs.FieldNotOneOf},
		"detail missing":       {func(r *Registration) { r.Address.Detail = "" }, "", nil},
		"detail of 200":        {func(r *Registration) { r.Address.Detail = long("가", 200) }, "", nil},
		"detail of 201":        {func(r *Registration) { r.Address.Detail = long("가", 201) }, "/address/detail", errs.FieldTooLong},
	} {
		r := goodRegistration()
		c.change(&r)
		err := r.Check()
		if c.code == nil {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, errs.InvalidRequest, name)
		fields := errs.Of(err).Fields
		require.Len(t, fields, 1, name)
		require.Equal(t, c.pointer, fields[0].Pointer, name)
		require.Equal(t, c.code.Code, fields[0].Code, name)
	}
}

func TestEveryBadFieldIsTold(t *testing.T) {
	var pointers []string
	for _, f := range errs.Of(Registration{Address: Address{Detail: strings.Repeat("a", 201)}}.Check()).Fields {
		pointers = append(pointers, f.Pointer)
	}
	require.Equal(t, []string{"/name", "/email", "/password", "/phone", "/address/region", "/address/detail"}, pointers)
}

func TestPhonesBecomeE164(t *testing.T) {
	for in, want := range map[string]string{
		"010-1234-5678": "+821012345678", "01012345678": "+821012345678", "+82 10-1234-5678": "+821012345678",
		"+821012345678": "+821012345678", "+82-10-1234-5678": "+821012345678", "+82 010-1234-5678": "+821012345678",
		"011-234-5678": "+82112345678", "016-234-5678": "+82162345678", "019-1234-5678": "+821912345678",
	} {
		var c checker
		require.Equal(t, want, c.phone(in), in)
		require.NoError(t, c.err(), in)
	}
	for _, bad := range []string{"015-1234-5678", "012-1234-5678", "010 1234 5678", "010--1234-5678", "82-10-1234-5678", "010-1234-5678x"} {
		var c checker
		c.phone(bad)
		require.Error(t, c.err(), bad)
	}
}

// What is normal stays as it is: a stored value checked again is the same value.
func TestNormalisingTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := goodRegistration()
		r.Name = rapid.String().Draw(t, "name")
		r.Email = rapid.StringMatching(`[A-Za-z0-9İẞé.+]{1,10}@[A-Za-z가-힣]{1,10}\.(COM|kr)`).Draw(t, "email")
		r.Password = rapid.StringN(10, 40, -1).Draw(t, "password")
		r.Phone = rapid.StringMatching(`(01[016789]|\+82 1[016789])-?[0-9]{3,4}-?[0-9]{4}`).Draw(t, "phone")
		once, err := r.Normalised()
		if err != nil {
			return
		}
		twice, err := once.Normalised()
		if err != nil || once != twice {
			t.Fatalf("%+q became %+q, then %+q (%v)", r, once, twice, err)
		}
		if n := utf8.RuneCountInString(once.Name); n < 1 || n > MaxNameLen {
			t.Fatalf("a name of %d characters", n)
		}
	})
}

func TestCheckNeverPanicsAndAlwaysPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })
		err := Registration{
			Name: text.Draw(t, "name"), Email: text.Draw(t, "email"), Password: text.Draw(t, "password"), Phone: text.Draw(t, "phone"),
			Address: Address{Region: text.Draw(t, "region"), Detail: text.Draw(t, "detail")},
		}.Check()
		var e *errs.Error
		if err != nil && (!errors.As(err, &e) || len(e.Fields) == 0) {
			t.Fatalf("an error without a field: %v", err)
		}
	})
}

func TestRegions(t *testing.T) {
	all, err := Regions()
	require.NoError(t, err)
	require.Len(t, all, 17)
	seen := map[string]bool{}
	for _, r := range all {
		for _, name := range []string{r.Code, r.Ko, r.KoFull, r.ISO} {
			require.NotEmpty(t, name)
			require.False(t, seen[name], name)
			seen[name] = true
		}
		for _, written := range []string{r.Code, strings.ToLower(r.Code), r.Ko, r.KoFull, " " + norm.NFD.String(r.Ko)} {
			found, known := ParseRegion(written)
			require.True(t, known, written)
			require.Equal(t, r, found)
		}
	}
	for _, unknown := range []string{"", "서", "SEOUL2", "강남구", "서울 특별시"} {
		_, known := ParseRegion(unknown)
		require.False(t, known, unknown)
	}
}

func TestSamePerson(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"홍길동", "홍길동", true},
		{"홍길동", norm.NFD.String("홍길동"), true},
		{"홍길동", " 홍 길\u3000동 ", true},
		{"John Smith", "JOHN  SMITH", true},
		{"John Smith", "JOHNSMITH", true},
		{"Straße", "STRASSE", true},
		{"홍길동", "홍길순", false},
		{"홍길동", "홍길", false},
		{"홍길동", "", false},
		{"", "", false},
		{" ", "\t", false},
	} {
		require.Equal(t, c.same, samePerson(c.a, c.b), "%q %q", c.a, c.b)
		require.Equal(t, c.same, samePerson(c.b, c.a), "%q %q", c.b, c.a)
	}
}

func TestPatch(t *testing.T) {
	text := func(s string) *string { return &s }
	state := func(s State) *State { return &s }
	before := Member{Name: "홍길동", Phone: "+821012345678", Address: Address{Region: "SEOUL", Detail: "1"}, State: Active, Verified: true}
	for name, c := range map[string]struct {
		patch Patch
		want  func(m *Member)
	}{
		"nothing":            {Patch{}, func(*Member) {}},
		"another name":       {Patch{Name: text("홍길순")}, func(m *Member) { m.Name, m.Verified = "홍길순", false }},
		"the same, spaced":   {Patch{Name: text(" 홍 길동")}, func(m *Member) { m.Name = "홍 길동" }},
		"phone":              {Patch{Phone: text("011-234-5678")}, func(m *Member) { m.Phone = "+82112345678" }},
		"region":             {Patch{Address: &AddressPatch{Region: text("부산")}}, func(m *Member) { m.Address.Region = "BUSAN" }},
		"detail taken away":  {Patch{Address: &AddressPatch{Detail: text("")}}, func(m *Member) { m.Address.Detail = "" }},
		"deactivated":        {Patch{State: state(Deactivated)}, func(m *Member) { m.State = Deactivated }},
		"active as it was":   {Patch{State: state(Active)}, func(*Member) {}},
		"an address of none": {Patch{Address: &AddressPatch{}}, func(*Member) {}},
	} {
		p, err := c.patch.normalised()
		require.NoError(t, err, name)
		got, err := p.apply(before)
		require.NoError(t, err, name)
		want := before
		c.want(&want)
		require.Equal(t, want, got, name)
	}
	_, err := Patch{Name: text(""), Phone: text("1"), Address: &AddressPatch{Region: text("x"), Detail: text("\n")}, State: state(Pending)}.normalised()
	require.Len(t, errs.Of(err).Fields, 4, "an empty detail is none")
	_, err = Patch{State: state(Active)}.apply(Member{State: Pending})
	require.Equal(t, "/state", errs.Of(err).Fields[0].Pointer)
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestAccountBlocksGrow(t *testing.T) {
	throttle := Options{}.withDefaults().Throttle
	now, c := noon, Counter{}
	for range 4 {
		c = throttle.countAccount(c, now)
		require.NoError(t, refuseBlocked([]Counter{c}, now))
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 15, 15} {
		c = throttle.countAccount(c, now)
		err := refuseBlocked([]Counter{c}, now)
		require.ErrorIs(t, err, errs.LoginThrottled)
		require.Equal(t, time.Duration(want*time.Minute), c.BlockedUntil.Sub(now))
		now = c.BlockedUntil
		require.NoError(t, refuseBlocked([]Counter{c}, now))
	}
	now = now.Add(throttle.Window)
	c = throttle.countAccount(c, now)
	require.Equal(t, 1, c.Failures, "a quiet window forgets")
}

func TestAddressIsBlockedUntilItsWindowEnds(t *testing.T) {
	throttle := Options{}.withDefaults().Throttle
	c := Counter{}
	for i := range 100 {
		require.NoError(t, refuseBlocked([]Counter{c}, noon), i)
		c = throttle.countAddress(c, noon)
	}
	require.ErrorIs(t, refuseBlocked([]Counter{c}, noon.Add(throttle.Window-1)), errs.LoginThrottled)
	require.NoError(t, refuseBlocked([]Counter{c}, noon.Add(throttle.Window)))
	require.NoError(t, refuseBlocked([]Counter{throttle.forgiveAddress(c, noon)}, noon), "the hundredth was none")
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	c := Counter{BlockedUntil: noon.Add(1500 * time.Millisecond), ExpiresAt: noon.Add(time.Hour)}
	require.Equal(t, "2", errs.Of(refuseBlocked([]Counter{{}, c}, noon)).Params["retryAfterSeconds"])
}

// However attempts come, an account never gets more failures than its limit plus one for each block that ran out.
func TestAccountGuessesAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		throttle := Options{}.withDefaults().Throttle
		now, c, guesses := noon, Counter{}, 0
		for range rapid.IntRange(1, 300).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "pause")))
			if refuseBlocked([]Counter{c}, now) == nil {
				c = throttle.countAccount(c, now)
				guesses++
			}
		}
		windows := int(now.Sub(noon)/throttle.Window) + 1
		if most := windows * 8; guesses > most {
			t.Fatalf("%d guesses in %s", guesses, now.Sub(noon))
		}
	})
}

func TestThrottledAddress(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "": "", "unix": "unix",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::1%eth0": "2001:db8:1:2::/64",
	} {
		require.Equal(t, want, throttledAddress(in), in)
	}
}

func TestRefreshHashTakesOneTextOnly(t *testing.T) {
	good := strings.Repeat("A", 43)
	_, ok := refreshHash(good)
	require.True(t, ok)
	for _, bad := range []string{"", good[:42], good + "A", good[:42] + "B", good[:42] + "\n", good[:42] + "=", good[:42] + "+", "a.b.c"} {
		_, ok := refreshHash(bad)
		require.False(t, ok, bad)
	}
}

func TestDefaultHashIsOWASPs(t *testing.T) {
	h := newHasher(Options{}.withDefaults().Argon2)
	hash, err := h.hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$"), hash)
	require.False(t, h.outdated(hash))
	match, err := h.matches(t.Context(), "correct horse", hash)
	require.NoError(t, err)
	require.True(t, match)
	match, err = h.matches(t.Context(), "correct horse", h.nobody)
	require.NoError(t, err)
	require.False(t, match)
	require.False(t, h.outdated(h.nobody), "nobody's hash costs as much as a member's")
}
