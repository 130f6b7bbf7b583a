"""Machines with GPUs, as the check of a machine would find them."""

from __future__ import annotations

from dataclasses import replace

from eager.machine.hardware import GIB, Gpu, Machine

A100 = Gpu(
    index=0,
    uuid="GPU-aa",
    name="NVIDIA A100-SXM4-80GB",
    total=80 * GIB,
    free=79 * GIB,
    driver="580.65",
    compute=8.0,
)
OTHER = replace(A100, index=1, uuid="GPU-bb")
GOOD = Machine(
    gpus=[A100, OTHER],
    driver_cuda="13.0",
    vllm=("vllm", "0.31.0"),
    pinned="0.31.0",
    torch_cuda="13.0",
    cores=16,
    memory=100 * GIB,
    shared=8 * GIB,
    disk=500 * GIB,
)
