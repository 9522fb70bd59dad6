using Iced.Intel;

namespace Xenlet.Linker;

/// <summary>Helper for 64-bit functions that refer to no other symbol.</summary>
internal static class LeafFunctions
{
    /// <summary>Assembles one function.</summary>
    /// <param name="name">Its symbol.</param>
    /// <param name="emit">Emits its instructions, including the return.</param>
    /// <returns>The block.</returns>
    public static Block Function(string name, Action<Assembler> emit)
    {
        StubEmitter emitter = new(64);
        emit(emitter.Code);
        return emitter.ToBlock(name);
    }
}
