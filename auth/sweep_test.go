package auth

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestAPanicInTheSweeperIsOneRoundsFailure(t *testing.T) {
	t.Parallel()
	log := new(bytes.Buffer)
	s := &Service{Options: Options{Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))}} // and no database
	if s.sweepOnce(t.Context()) || !strings.Contains(log.String(), "failed to sweep") {
		t.Errorf("the log says %s", log)
	}
}
