package membershipdb_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"durapay/internal/devenv/devtest"
	"durapay/internal/id"
	"durapay/internal/secret"
	"durapay/internal/token"
	"durapay/schema"
	"durapay/services/membership"
	"durapay/services/membership/membershipdb"
)

func TestMain(m *testing.M) { os.Exit(devtest.Main(m)) }

// env is a service on a database of its own, with a clock that the test moves.
type env struct {
	*membership.Service
	t      *testing.T
	db     *sqlx.DB
	issuer *token.Issuer
	clock  atomic.Int64 // microseconds
}

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func newEnv(t *testing.T) *env { return newEnvWith(t, membership.Options{}) }

func newEnvWith(t *testing.T, o membership.Options) *env {
	t.Helper()
	e := &env{t: t, db: devtest.Database(t, schema.FS("membership"))}
	e.clock.Store(start.UnixMicro())
	var err error
	e.issuer, err = token.NewIssuer("k1:"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, ed25519.SeedSize)), e.now)
	require.NoError(t, err)
	e.Service = e.another(o)
	return e
}

// another gives a second process's service on the same database.
func (e *env) another(o membership.Options) *membership.Service {
	e.t.Helper()
	ring, err := secret.ParseKeyRing("p1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{8}, secret.KeyLen)))
	require.NoError(e.t, err)
	index, err := secret.NewIndexer(bytes.Repeat([]byte{9}, secret.KeyLen))
	require.NoError(e.t, err)
	o.Now, o.Log = e.now, slog.New(slog.DiscardHandler)
	if o.Argon2 == (argon2id.Params{}) {
		o.Argon2 = weak
	}
	return membership.New(membershipdb.New(e.db), ring, index, e.issuer, o)
}

// weak makes hashing cheap where it is not the point.
var weak = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func (e *env) now() time.Time          { return time.UnixMicro(e.clock.Load()).UTC() }
func (e *env) advance(d time.Duration) { e.clock.Add(d.Microseconds()) }

const (
	password = "correct horse battery"
	ip       = "203.0.113.7"
)

func registration(email string) membership.Registration {
	return membership.Registration{
		Name: "홍길동", Email: email, Password: password, Phone: "010-1234-5678",
		Address: membership.Address{Region: "서울", Detail: "세종대로 110"},
	}
}

func newID() string { return id.New(id.Member) }

// member registers an active one.
func (e *env) member(email string) membership.Member {
	e.t.Helper()
	m, err := e.Register(e.t.Context(), newID(), registration(email))
	require.NoError(e.t, err)
	return m
}

// verify has a bank confirm a member's name.
func (e *env) verify(m membership.Member) {
	e.t.Helper()
	same, err := e.ConfirmName(e.t.Context(), m.ID, m.Name)
	require.NoError(e.t, err)
	require.True(e.t, same)
}

// pending registers one whose flow is not done.
func (e *env) pending(email string) string {
	e.t.Helper()
	memberID := newID()
	failures, err := e.RegisterSealed(e.t.Context(), []membership.SealedRegistration{e.sealed(memberID, email)})
	require.NoError(e.t, err)
	require.False(e.t, failures[0].Is())
	return memberID
}

func (e *env) sealed(memberID, email string) membership.SealedRegistration {
	e.t.Helper()
	text, err := e.Seal(e.t.Context(), memberID, registration(email))
	require.NoError(e.t, err)
	return membership.SealedRegistration{MemberID: memberID, Sealed: text}
}

func (e *env) login(email string) membership.Tokens {
	e.t.Helper()
	tokens, err := e.Login(e.t.Context(), email, password, ip)
	require.NoError(e.t, err)
	return tokens
}

func (e *env) count(q string, args ...any) (n int) {
	e.t.Helper()
	require.NoError(e.t, e.db.Get(&n, q, args...))
	return n
}

// together runs work n times at once and gives the errors.
func together(n int, work func(i int) error) []error {
	results := make([]error, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			results[i] = work(i)
		})
	}
	done.Wait()
	return results
}

func emailOf(i int) string { return fmt.Sprintf("m%d@example.com", i) }

func ptr[T any](v T) *T { return &v }
