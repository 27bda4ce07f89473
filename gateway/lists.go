package gateway

import "durapay/internal/page"

// Every list is {items, next}: next is the cursor of the following page, absent on the
// last one. (swag cannot name a generic type, so each list has a type of its own.)

func viewPage[In, Out any](p page.Page[In], view func(In) Out) (items []Out, next string) {
	items = make([]Out, len(p.Items))
	for i, v := range p.Items {
		items[i] = view(v)
	}
	return items, p.Next
}
