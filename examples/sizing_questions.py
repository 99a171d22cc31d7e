"""The questions the other way round.

Shows: longest context, most users, largest batch, largest model and smallest GPU.
Needs: nothing but hybridllm; no GPU, no network.
Prints: one line per question.
"""

from hybridllm import sizing


def main() -> None:
    """Ask five questions about one card."""
    model = sizing.load_model("Qwen/Qwen3-8B")
    fleet = sizing.parse_fleet("1xL40S-48GB")
    run = sizing.TrainingRun(method="qlora", framework="trl")

    print("longest context:", sizing.longest_context(model, fleet=fleet, users=4).value, "tokens")
    print("most users:", sizing.most_users(model, fleet=fleet, context_tokens=8192).value)
    print("largest batch:", sizing.largest_batch(model, fleet=fleet, run=run).value, "sequences")
    largest = sizing.largest_model(fleet=fleet)
    print("largest model:", largest.model if largest else "none")
    smallest = sizing.smallest_gpu(model)
    print("smallest GPU:", smallest.cards[0].card.gpu.name if smallest else "none")


if __name__ == "__main__":
    main()
