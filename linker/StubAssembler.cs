namespace Xenlet.Linker;

/// <summary>All machine code and data that no C# compiler emits.</summary>
public static class StubAssembler
{
    /// <summary>Assembles everything.</summary>
    /// <returns>The blocks, in the order of the object file.</returns>
    public static IReadOnlyList<Block> Assemble() =>
    [
        .. PvhEntry.Assemble(),
        .. XenNotes.Assemble(),
        .. SystemCallEntry.Assemble(),
        .. TrapEntry.Assemble(),
        .. SystemCallReturn.Assemble(),
        .. ThreadResume.Assemble(),
        .. NonMaskableInterruptEntry.Assemble(),
        .. HypercallGates.Assemble(),
        .. PortAndMsr.Assemble(),
        .. MemoryPrimitives.Assemble(),
        .. ProcessorFacts.Assemble(),
        .. ProcessorState.Assemble(),
        .. ClockGetTime.Assemble(),
        .. StubData.Assemble(),
    ];
}
