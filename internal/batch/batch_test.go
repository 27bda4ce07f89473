package batch

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func double(_ context.Context, in []int) ([]int, error) {
	out := make([]int, len(in))
	for i, v := range in {
		out[i] = 2 * v
	}
	return out, nil
}

func TestEveryCallerGetsItsOwnOutcomes(t *testing.T) {
	g := New(7, double)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			in := []int{i, i + 1, i + 2}[:1+i%3]
			out, err := g.Do(context.Background(), in)
			require.NoError(t, err)
			want, _ := double(context.Background(), in)
			require.Equal(t, want, out)
		})
	}
	wg.Wait()
}

func TestCallersAreGatheredWhileARunIsUnderWay(t *testing.T) {
	started, release := make(chan int, 10), make(chan struct{})
	g := New(100, func(ctx context.Context, in []int) ([]int, error) {
		started <- len(in)
		<-release
		return double(ctx, in)
	})
	var wg sync.WaitGroup
	do := func(v int) { wg.Go(func() { _, err := g.Do(context.Background(), []int{v}); require.NoError(t, err) }) }
	do(1)
	require.Equal(t, 1, <-started)
	for v := range 5 {
		do(v)
	}
	require.Eventually(t, func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.waiting) == 5 }, waitFor, tick)
	close(release)
	require.Equal(t, 5, <-started)
	wg.Wait()
}

func TestARunIsBounded(t *testing.T) {
	sizes := make(chan int, 100)
	release := make(chan struct{})
	g := New(4, func(ctx context.Context, in []int) ([]int, error) {
		sizes <- len(in)
		<-release
		return double(ctx, in)
	})
	var wg sync.WaitGroup
	for v := range 10 {
		wg.Go(func() { _, err := g.Do(context.Background(), []int{v, v}); require.NoError(t, err) })
	}
	<-sizes
	close(release)
	wg.Wait()
	close(sizes)
	for n := range sizes {
		require.LessOrEqual(t, n, 4)
	}
}

func TestErrorsAndPanicsReachTheCallersAndTheGroupGoesOn(t *testing.T) {
	boom := errors.New("boom")
	var mode error
	g := New(4, func(ctx context.Context, in []int) ([]int, error) {
		if in[0] == 1 {
			panic("oops")
		}
		if in[0] == 3 {
			return nil, nil
		}
		return nil, mode
	})
	mode = boom
	_, err := g.Do(context.Background(), []int{0})
	require.ErrorIs(t, err, boom)
	_, err = g.Do(context.Background(), []int{1})
	require.ErrorContains(t, err, "oops")
	_, err = g.Do(context.Background(), []int{3})
	require.ErrorContains(t, err, "0 outcomes for 1 items")
}

func TestACallerMayLeaveWithoutEndingTheRun(t *testing.T) {
	began, release, ran := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	g := New(4, func(ctx context.Context, in []int) ([]int, error) {
		close(began)
		<-release
		ran <- ctx.Err()
		return in, nil
	})
	ctx, leave := context.WithCancel(context.Background())
	go func() { <-began; leave() }()
	_, err := g.Do(ctx, []int{1})
	require.ErrorIs(t, err, context.Canceled)
	close(release)
	require.NoError(t, <-ran)
}

func TestWhoLeavesBeforeTheRunIsNotServed(t *testing.T) {
	began, release := make(chan int, 2), make(chan struct{})
	g := New(4, func(_ context.Context, in []int) ([]int, error) {
		began <- in[0]
		<-release
		return in, nil
	})
	go func() { _, _ = g.Do(context.Background(), []int{1}) }()
	require.Equal(t, 1, <-began)
	ctx, leave := context.WithCancel(context.Background())
	leave()
	_, err := g.Do(ctx, []int{2})
	require.ErrorIs(t, err, context.Canceled)
	close(release)
	out, err := g.Do(context.Background(), []int{3})
	require.NoError(t, err)
	require.Equal(t, []int{3}, out)
	require.Equal(t, 3, <-began, "2 was dropped")
}
