package main

import (
	"encoding/json"
	"os"
	"time"
)

// results are everything that a run found, as they are kept in a file.
type results struct {
	Time    time.Time `json:"time"`
	Machine machine   `json:"machine"`
	Extent  extent    `json:"extent"`
	Figures []figures `json:"questions"`
}

// figures are what became of a question.
type figures struct {
	Name    string               `json:"name"`
	Title   string               `json:"title"`
	Skipped string               `json:"skipped,omitempty"` // why it was not measured
	Rows    []figureRow          `json:"rows,omitempty"`
	Samples map[string][]float64 `json:"samples,omitempty"` // of each reading, one a round
}

// figureRow is one figure: a line of the table.
type figureRow struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Unit    string   `json:"unit"` // of the readings
	Of      string   `json:"of"`
	Per     string   `json:"per,omitempty"` // empty where the figure is no ratio
	Reading summary  `json:"reading"`
	Against *summary `json:"against,omitempty"` // of the reading that it is divided by
	Figure  summary  `json:"figure"`
	Goal    goal     `json:"goal"`
	Verdict string   `json:"verdict"`
}

// newFigures works out the rows of a question.
func newFigures(q question, rows []row, samples map[string][]float64) figures {
	f := figures{Name: q.name, Title: q.title, Samples: samples}
	for _, r := range rows {
		values := samples[r.of]
		line := figureRow{Name: r.name, Title: r.title, Unit: r.unit, Of: r.of, Per: r.per, Goal: r.goal, Reading: summarize(values)}
		line.Figure = line.Reading
		if r.per != "" {
			against := summarize(samples[r.per])
			line.Against, line.Figure = &against, summarize(divide(values, samples[r.per]))
		}
		line.Verdict = r.goal.judge(line.Figure)
		f.Rows = append(f.Rows, line)
	}
	return f
}

// missed reports whether a goal was missed.
func (r *results) missed() bool {
	for _, f := range r.Figures {
		for _, line := range f.Rows {
			if line.Verdict == missed {
				return true
			}
		}
	}
	return false
}

func (r *results) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func readResults(path string) (*results, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(results)
	return r, json.Unmarshal(text, r)
}
