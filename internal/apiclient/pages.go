package apiclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

const (
	perPage   = 100
	mostPages = 1_000 // a list without end is none
)

// list reads all pages of a list, in its order. Errors: *Problem; a list of more than
// 100,000 items.
func list[T any](ctx context.Context, send sender, path string, query url.Values) ([]T, error) {
	type page struct {
		Items []T    `json:"items"`
		Next  string `json:"next"`
	}
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(perPage))
	var all []T
	for range mostPages {
		r, err := send(ctx, Request{Method: http.MethodGet, Path: path + "?" + query.Encode()})
		p, err := decode[page](r, err, http.StatusOK)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if p.Next == "" {
			return all, nil
		}
		query.Set("cursor", p.Next)
	}
	return nil, fmt.Errorf("%s: more than %d pages", path, mostPages)
}
