
namespace Xenlet.Kernel.Tests.Boot;

public sealed class ProcessorCheckTests : IDisposable
{
    /// <summary>ECX of CPUID function 1 of QEMU's "Nehalem", the oldest x86-64-v2 processor there, and of its "Opteron_G1".</summary>
    private const uint Nehalem = 0x0098_2201;
    private const uint OpteronG1 = 0x0000_0001;

    public ProcessorCheckTests() => Machine.Reset();

    public void Dispose() => Machine.Reset();

    [Theory]
    [InlineData(Nehalem)]
    [InlineData(uint.MaxValue)]
    public void A_processor_with_all_instructions_is_accepted_in_silence(uint ecx)
    {
        Machine.CpuidLeaves[(1, 0)] = [0, 0, ecx, 0];
        ProcessorCheck.RequireEnough();
        Assert.Equal("", KernelLog.Text);
    }

    [Theory]
    [InlineData(OpteronG1, "SSSE3 CMPXCHG16B SSE4.1 SSE4.2 POPCNT")]
    [InlineData(Nehalem & ~(1u << 0), "SSE3")]
    [InlineData(Nehalem & ~(1u << 9), "SSSE3")]
    [InlineData(Nehalem & ~(1u << 13), "CMPXCHG16B")]
    [InlineData(Nehalem & ~(1u << 19), "SSE4.1")]
    [InlineData(Nehalem & ~(1u << 20), "SSE4.2")]
    [InlineData(Nehalem & ~(1u << 23), "POPCNT")]
    [InlineData(0u, "SSE3 SSSE3 CMPXCHG16B SSE4.1 SSE4.2 POPCNT")]
    public void What_it_lacks_is_named_in_one_line(uint ecx, string named)
    {
        Machine.CpuidLeaves[(1, 0)] = [0, 0, ecx, 0];
        string message = Assert.Throws<PanicException>(ProcessorCheck.RequireEnough).Message;
        Assert.Equal(
            $"xenlet: the processor, or the cpuid of the domain's configuration, does not offer what .NET needs: {named}\n", message);
    }
}
