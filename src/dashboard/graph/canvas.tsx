/** The picture; the table below it says the same. */
import { useEffect, useRef, useState } from "preact/hooks";
import { colours } from "../parts/theme.tsx";
import { bytes } from "../text/numbers.ts";
import { type View, draw, fit, palette, peerAt } from "./draw.ts";
import { type Network, type Peer, simulate } from "./network.ts";

const isStill = matchMedia("(prefers-reduced-motion: reduce)");
/** Where motion is not wanted, the picture is worked out first, and shown when it is done. */
const STEPS_AT_ONCE = 200;

interface CanvasProps {
  readonly network: Network;
  readonly label: string;
  choose(peer: string): void;
}

export function NetworkCanvas({ network, label, choose }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [under, setUnder] = useState<Peer | undefined>();
  const shown = useRef<{ view: View; redraw(): void; chosen: Peer | undefined } | undefined>(undefined);

  useEffect(() => {
    const { current } = canvas;
    const context = current?.getContext("2d");
    if (!current || !context) return undefined;
    const simulation = simulate(network);
    const tones = palette();
    const render = (): void => {
      const { width, height } = sized(current, context);
      if (width === 0 || height === 0) return;
      const view = fit(network, width, height);
      const chosen = shown.current?.chosen;
      draw(context, network, view, tones, chosen);
      shown.current = { view, redraw: render, chosen };
    };
    let frame = 0;
    const step = (): void => {
      simulation.tick(isStill.matches ? STEPS_AT_ONCE : 1);
      render();
      if (simulation.alpha() > simulation.alphaMin()) frame = requestAnimationFrame(step);
    };
    simulation.alpha(network.peers.some(({ vx }) => vx !== undefined) ? 0.3 : 1);
    frame = requestAnimationFrame(step);
    const resized = new ResizeObserver(render);
    resized.observe(current);
    return () => {
      cancelAnimationFrame(frame);
      resized.disconnect();
    };
  }, [network, colours.value]);

  const point = (event: Pick<MouseEvent, "offsetX" | "offsetY">): Peer | undefined => {
    const { current } = shown;
    const found = current && peerAt(network, current.view, event.offsetX, event.offsetY);
    if (current && found !== current.chosen) {
      current.chosen = found;
      current.redraw();
      setUnder(found);
    }
    return found;
  };
  return (
    <figure class="network">
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        onPointerMove={point}
        onPointerLeave={point}
        onClick={(event) => {
          const peer = point(event);
          if (peer) choose(peer.id);
        }}
      />
      <figcaption>
        {under ? (
          <>
            <code>{under.id}</code>: {under.degree} others, {bytes(under.bytes)}
          </>
        ) : (
          "Point at a peer to see its connections, click to open it. Thicker lines carry more; dashed ones are not open yet."
        )}
      </figcaption>
    </figure>
  );
}

/** As many pixels as the screen has. */
function sized(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D): { width: number; height: number } {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { width, height };
}
