"""Does a model fit, and what starts it?

Shows: a plan for serving on two unlike cards, its reason, and the engine's command.
Needs: nothing but hybridllm; no GPU, no network.
Prints: the verdict, the breakdown of the tightest card, and a `vllm serve` command.
"""

from hybridllm import sizing


def main() -> None:
    """Plan, explain, emit."""
    model = sizing.load_model("meta-llama/Llama-3.1-8B")
    fleet = sizing.parse_fleet("1xL4-24GB,1xL40S-48GB")
    work = sizing.Workload(context_tokens=16_384, users=6)

    answer = sizing.plan(model, fleet=fleet, workload=work)

    print("fits" if answer.fits else "does not fit", "on", answer.gpus, "GPU(s)")
    print(answer.reason)
    for term in answer.tightest.needed:
        print(f"  {term.name:16} {term.size_bytes / 2**30:6.2f} GiB  {term.why}")
    print(f"  margin           {answer.tightest.margin_bytes / 2**30:6.2f} GiB")
    print(sizing.emit(answer, target="vllm"))


if __name__ == "__main__":
    main()
