package main

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"

	"durapay/internal/config"
)

// part is one service: what a process needs to have it.
type part struct {
	name     string // as the API and DURAPAY_SERVICES have it
	database string
	port     int // where it listens alone, unless the environment says
	pii      bool
	bank     bool
	flows    bool     // its requests start flows
	asks     []string // the services that its requests ask
}

// parts are all services. An API key may come to any of them, and only franchise knows it.
func parts() []part {
	return []part{
		{name: "membership", database: "membership", port: 8081, pii: true, flows: true, asks: []string{"franchise"}},
		{name: "banking", database: "banking", port: 8082, pii: true, bank: true, flows: true, asks: []string{"franchise"}},
		{name: "money", database: "money", port: 8083, flows: true, asks: []string{"franchise", "membership"}},
		{name: "remittance", database: "remittance", port: 8084, pii: true, flows: true, asks: []string{"franchise"}},
		{name: "payment", database: "payment", port: 8085, pii: true, flows: true, asks: []string{"franchise", "settlement"}},
		{name: "franchise", database: "franchise", port: 8086, pii: true, flows: true},
		{name: "money-query", database: "moneyquery", port: 8087, asks: []string{"franchise", "membership", "money"}},
		{name: "settlement", database: "settlement", port: 8088, flows: true, asks: []string{"franchise", "payment"}},
	}
}

const workerPort = 8089

// share is the part of the platform that one process has.
type share struct {
	name    string // of the process, by which services know it
	listen  string // unless the environment says; "" is the gateway's place
	parts   []part
	remote  map[string]*url.URL // the services in other processes
	flows   bool                // it starts or runs flows, whatever its parts
	forward bool                // it passes requests for remote services on
}

// shareOf gives what is not remote, which is everything without DURAPAY_SERVICES.
func shareOf(name string) (share, error) {
	remote, err := readRemote()
	if err != nil {
		return share{}, err
	}
	s := share{name: name, remote: remote, parts: slices.DeleteFunc(parts(), func(p part) bool { return remote[p.name] != nil })}
	return s, nil
}

// shareWith gives these services alone. What they ask is remote, or else here too.
func shareWith(name string, services ...string) (share, error) {
	remote, err := readRemote()
	if err != nil {
		return share{}, err
	}
	s := share{name: name, remote: maps.Clone(remote)}
	for _, p := range parts() {
		if slices.Contains(services, p.name) {
			s.parts = append(s.parts, p)
			delete(s.remote, p.name)
		}
	}
	return s, nil
}

func readRemote() (map[string]*url.URL, error) {
	remote, err := config.ReadServices()
	if err != nil {
		return nil, err
	}
	for name := range remote {
		if !slices.ContainsFunc(parts(), func(p part) bool { return p.name == name }) {
			return nil, fmt.Errorf("%s: there is no service %q", config.Services, name)
		}
	}
	return remote, nil
}

func (s share) has(name string) bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return p.name == name })
}

// check tells which service is asked by one of these and is nowhere.
func (s share) check() error {
	for _, p := range s.parts {
		for _, asked := range p.asks {
			if !s.has(asked) && s.remote[asked] == nil {
				return fmt.Errorf("%s: %s asks %s: name it as %s=http://host:port", config.Services, p.name, asked, asked)
			}
		}
	}
	return nil
}

func (s share) needs() config.Needs {
	n := config.Needs{Databases: len(s.parts) > 0, Flows: s.flows, Listen: s.listen}
	for _, p := range s.parts {
		n.Flows, n.Bank, n.PII = n.Flows || p.flows, n.Bank || p.bank, n.PII || p.pii
		n.Index = n.Index || p.flows || p.pii // fingerprints of requests, look-ups of personal data
	}
	return n
}

// own is where a process listens by itself.
func own(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
