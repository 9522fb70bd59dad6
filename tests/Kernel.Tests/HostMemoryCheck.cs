using System.Diagnostics.CodeAnalysis;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>The refusal of a domain with too little memory, on the host: an exception.</summary>
internal static class MemoryCheck
{
    [DoesNotReturn]
    public static void NotEnough() => throw new PanicException("not enough memory");
}
