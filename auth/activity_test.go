package auth

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheBeginningAndTheEndOfAnActivityAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []bool
		a := activity{pause: time.Minute, tell: func(active bool) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, active)
		}}
		must := func(want ...bool) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Errorf("told %v, want %v", told, want)
			}
		}
		a.begin()
		a.begin()
		must(true)
		a.end()
		time.Sleep(time.Hour) // one is still at it
		must(true)
		a.end()
		time.Sleep(59 * time.Second)
		a.begin() // before anybody has noticed
		time.Sleep(time.Hour)
		a.end()
		time.Sleep(59 * time.Second)
		must(true)
		time.Sleep(time.Second)
		must(true, false)
		a.begin()
		must(true, false, true)
		a.stop()
		a.end()
		time.Sleep(time.Hour)
		must(true, false, true)
	})
}
