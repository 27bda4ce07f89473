package franchise

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"durapay/errs"
)

const maxURLLen = 2000

// reserved are the ranges that are no addresses of the public internet, beyond those
// netip knows [IANA special-purpose address registries]. Those that carry an IPv4
// address within are among them, because it could be a private one.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("::ffff:0:0:0/96"), // IPv4-translated
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// PublicAddress tells whether an address may belong to a franchise's server: not this
// machine, not a network behind the platform, not a cloud's metadata service.
func PublicAddress(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// checkURL looks at a webhook's address. A name is resolved, and the address it gives
// refused, when the webhook is called: until then it may change. Where private addresses
// are allowed, http is too: what listens on a developer's own machine has no certificate.
func checkURL(address string, allowPrivate bool) *errs.Error {
	bad := func(expected string) *errs.Error {
		return errs.InvalidField("/url", errs.FieldFormat, "expected", expected)
	}
	if address == "" {
		return errs.InvalidField("/url", errs.FieldRequired)
	}
	if len(address) > maxURLLen {
		return errs.InvalidField("/url", errs.FieldTooLong, "max", strconv.Itoa(maxURLLen))
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || !visible(address) || u.Hostname() == "" || u.Opaque != "" || !validPort(u.Port()):
		return bad("an address such as https://example.com/hooks")
	case !strings.HasPrefix(address, "https://") && !(allowPrivate && strings.HasPrefix(address, "http://")):
		return bad("https")
	case u.User != nil:
		return bad("no user information")
	case strings.Contains(address, "#"):
		return bad("no fragment")
	case !allowPrivate && privateHost(u.Hostname()):
		return bad("a public host")
	default:
		return nil
	}
}

// visible wants ASCII without spaces: what goes on the wire as it is.
func visible(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func validPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// privateHost tells hosts that are refused by their name alone.
func privateHost(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && !PublicAddress(a)
}
