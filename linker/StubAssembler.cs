namespace Xenlet.Linker;

/// <summary>All machine code and data that the C# compiler cannot emit.</summary>
public static class StubAssembler
{
    /// <summary>Assembles all blocks.</summary>
    /// <returns>The blocks in the order of the object file.</returns>
    public static IReadOnlyList<Block> Assemble() =>
    [
        .. PvhEntry.Assemble(),
        .. XenNotes.Assemble(),
        .. SystemCallEntry.Assemble(),
        .. TrapEntry.Assemble(),
        .. SystemCallReturn.Assemble(),
        .. ThreadResume.Assemble(),
        .. NonMaskableInterruptEntry.Assemble(),
        .. HypercallFunctions.Assemble(),
        .. PortAndMsr.Assemble(),
        .. MemoryPrimitives.Assemble(),
        .. ProcessorFacts.Assemble(),
        .. ProcessorState.Assemble(),
        .. ClockGetTime.Assemble(),
        .. StubData.Assemble(),
    ];
}
