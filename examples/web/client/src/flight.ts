/**
 * Returns a function whose calls share one run while that is under way, as long as they are of the
 * same: calls for which `of` returns something else begin a run of their own.
 */
export function singleFlight<Result>(run: () => Promise<Result>, of: () => unknown = () => undefined): () => Promise<Result> {
  let flight: { of: unknown; result: Promise<Result> } | undefined
  return () => {
    if (flight && flight.of === of()) return flight.result
    const mine = { of: of(), result: run() }
    const over = () => {
      if (flight === mine) flight = undefined
    }
    mine.result.then(over, over)
    flight = mine
    return mine.result
  }
}
