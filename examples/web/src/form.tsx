// Forms that show each refusal next to the input that it names.
import { createContext, type InputHTMLAttributes, type ReactNode, use, useEffect, useId, useRef, useState } from 'react'
import { noProblem, type Problem, problemOf } from './refusals'

const ProblemContext = createContext<Problem>(noProblem)

interface FormProps {
  /** Sends what was typed. What it throws is shown. */
  onSubmit(values: FormData): Promise<unknown>
  /** The text of the button. */
  submit: string
  /** More buttons. */
  actions?: ReactNode
  children: ReactNode
}

export function Form({ onSubmit, submit, actions, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null)
  const [problem, setProblem] = useState(noProblem)
  const [busy, setBusy] = useState(false)

  useEffect(() => {
    if (problem === noProblem) return
    const target = form.current?.querySelector<HTMLElement>('[aria-invalid=true]') ?? form.current?.querySelector<HTMLElement>('input')
    target?.focus()
  }, [problem])

  const send = async () => {
    if (busy) return
    setBusy(true)
    setProblem(noProblem)
    try {
      await onSubmit(new FormData(form.current!))
    } catch (error) {
      setProblem(problemOf(error, (name) => form.current?.elements.namedItem(name) instanceof HTMLElement))
    } finally {
      setBusy(false)
    }
  }

  return (
    <ProblemContext value={problem}>
      {/* The server checks what was typed, and its words are shown. */}
      <form
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void send()
        }}
      >
        <Alert texts={problem.general} />
        {children}
        <div className="actions">
          <button type="submit" className="primary" aria-disabled={busy}>
            {submit}
          </button>
          {actions}
        </div>
      </form>
    </ProblemContext>
  )
}

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string
  /** The name that the server knows the input by, which its refusals name. */
  name: string
  hint?: string
}

export function Field({ label, hint, ...input }: FieldProps) {
  const id = useId()
  const error = use(ProblemContext).fields[input.name]
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <input id={id} aria-invalid={error !== undefined} aria-describedby={described || undefined} {...input} />
      <p className="error" id={`${id}-error`} aria-live="polite">
        {error}
      </p>
    </div>
  )
}

/** Says what is wrong; read out as soon as there is something. */
export function Alert({ texts }: { texts: string[] }) {
  return (
    <div role="alert" className={texts.length > 0 ? 'alert' : undefined}>
      {texts.map((text) => (
        <p key={text}>{text}</p>
      ))}
    </div>
  )
}

/** What was typed into an input. */
export function typed(values: FormData, name: string): string {
  return String(values.get(name) ?? '')
}
