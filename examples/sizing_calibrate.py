"""A framework profile of this machine, from one measured step.

Shows: `calibrate`, which runs a step and keeps by how much the framework differs here.
Needs: nothing but hybridllm; with torch and a GPU, put your own step and counters in.
Prints: prediction before and after.
"""

from hybridllm import sizing


def main() -> None:
    """Calibrate with a stand-in for a measured step."""
    model = sizing.load_model("meta-llama/Llama-3.2-3B")
    run = sizing.TrainingRun(method="lora", framework="transformers")
    fleet = sizing.parse_fleet("1xL40S-48GB")
    before = sizing.plan(model, fleet=fleet, workload=run)

    # With torch: reset_peak=torch.cuda.reset_peak_memory_stats,
    #             read_peak=torch.cuda.max_memory_allocated, step=your training step.
    found = sizing.calibrate(
        model,
        run=run,
        step=lambda: None,
        reset_peak=lambda: None,
        read_peak=lambda: round(before.tightest.needed_bytes * 1.08),
    )
    after = sizing.plan(model, fleet=fleet, workload=run, profile=found.profile)

    print(f"before: {before.tightest.needed_bytes / 2**30:.2f} GiB, {found.error_percent:+.1f} %")
    print(f"after:  {after.tightest.needed_bytes / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
