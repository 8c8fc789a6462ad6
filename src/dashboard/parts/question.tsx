/** Questions before what cannot be undone. One at a time; Escape, and a click beside it, are no. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Question {
  readonly title: string;
  readonly text: ComponentChildren;
  /** What the button says: the act itself, never "OK". */
  readonly action: string;
  /** Further fields, by name. */
  readonly fields?: ComponentChildren;
}

interface Asked extends Question {
  answer(values: FormData | undefined): void;
}

const asked = signal<Asked | null>(null);

/** The values of the fields; undefined for no. */
export function askFirst(question: Question): Promise<FormData | undefined> {
  asked.peek()?.answer(undefined);
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer(values) {
        asked.value = null;
        resolve(values);
      },
    };
  });
}

export function Questions() {
  return asked.value && <Dialog key={asked.value.title} asked={asked.value} />;
}

function Dialog({ asked: { title, text, action, fields, answer } }: { asked: Asked }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => before instanceof HTMLElement && before.isConnected && before.focus();
  }, []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    answer(new FormData(event.currentTarget as HTMLFormElement));
  };
  const clickOutside = (event: MouseEvent): void => {
    if (event.target === dialog.current) answer(undefined);
  };
  return (
    <dialog
      ref={dialog}
      class="question"
      aria-labelledby="question-title"
      onCancel={() => answer(undefined)}
      onClick={clickOutside}
    >
      <form onSubmit={submit}>
        <h2 id="question-title">{title}</h2>
        <p>{text}</p>
        {fields}
        <div class="choices">
          <button type="button" onClick={() => answer(undefined)}>
            Cancel
          </button>
          <button type="submit" class="danger primary" autofocus={!fields}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
