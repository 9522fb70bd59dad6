using System.Runtime.InteropServices;
using Iced.Intel;
using Xenlet.Tests;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker.Tests;

/// <summary>
/// The stubs and OpenSSL's static library, linked as a shared object, which this process loads: what an image has, but for its place, and
/// that allocations are counted.
/// </summary>
public sealed unsafe class DigestLibrary : IDisposable
{
    private const string Count = "allocations";

    private readonly ScratchDirectory _scratch = new();
    private readonly nint _library;

    public DigestLibrary()
    {
        File.WriteAllBytes(_scratch["stubs.o"], StubObject.Write([.. CryptographyStubs.WithDigests(), .. Counting()]));
        string[] wrapped = ["malloc", "free", .. DigestStubs.Wrapped];
        (int status, string output, string errors) = Tool.Run(
            "gcc",
            "-shared",
            "-nostdlib",
            $"-Wl,-Bsymbolic,-z,defs,{string.Join(',', wrapped.Select(name => $"--wrap={name}"))}",
            "-o",
            _scratch["digests.so"],
            _scratch["stubs.o"],
            "-l:libcrypto.a",
            "-lc");
        Assert.True(status == 0, output + errors);
        _library = NativeLibrary.Load(_scratch["digests.so"]);
    }

    public void Dispose() => _scratch.Dispose();

    /// <summary>How many allocations are not freed.</summary>
    public long Allocations => *(long*)this[Count];

    public nint Digest(string function) => ((delegate* unmanaged<nint>)this[function])();

    public int Size(nint digest) => ((delegate* unmanaged<nint, int>)this["CryptoNative_EvpMdSize"])(digest);

    public nint Create(nint digest) => ((delegate* unmanaged<nint, nint>)this["CryptoNative_EvpMdCtxCreate"])(digest);

    public nint Copy(nint context) => ((delegate* unmanaged<nint, nint>)this["CryptoNative_EvpMdCtxCopyEx"])(context);

    public void Destroy(nint context) => ((delegate* unmanaged<nint, void>)this["CryptoNative_EvpMdCtxDestroy"])(context);

    public int Reset(nint context, nint digest) =>
        ((delegate* unmanaged<nint, nint, int>)this["CryptoNative_EvpDigestReset"])(context, digest);

    public int TryAdd(nint context, byte* bytes, int count) =>
        ((delegate* unmanaged<nint, byte*, int, int>)this["CryptoNative_EvpDigestUpdate"])(context, bytes, count);

    public int TryOneShot(nint digest, byte* bytes, int count, byte* hash, uint* size) =>
        ((delegate* unmanaged<nint, byte*, int, byte*, uint*, int>)this["CryptoNative_EvpDigestOneShot"])(digest, bytes, count, hash, size);

    public void Add(nint context, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            Assert.Equal(1, TryAdd(context, start, bytes.Length));
        }
    }

    public byte[] Finish(nint context) => Hash("CryptoNative_EvpDigestFinalEx", context);

    public byte[] Current(nint context) => Hash("CryptoNative_EvpDigestCurrent", context);

    public byte[] OneShot(nint digest, ReadOnlySpan<byte> bytes)
    {
        byte[] hash = new byte[64];
        uint size;
        fixed (byte* start = bytes, target = hash)
        {
            Assert.Equal(1, TryOneShot(digest, start, bytes.Length, target, &size));
        }

        return hash[..(int)size];
    }

    private nint this[string function] => NativeLibrary.GetExport(_library, function);

    private byte[] Hash(string function, nint context)
    {
        byte[] hash = new byte[64];
        uint size;
        fixed (byte* target = hash)
        {
            Assert.Equal(1, ((delegate* unmanaged<nint, byte*, uint*, int>)this[function])(context, target, &size));
        }

        // Nothing is written behind a hash.
        Assert.All(hash[(int)size..], value => Assert.Equal(0, value));
        return hash[..(int)size];
    }

    /// <summary>Counts what the stubs and OpenSSL allocate and free.</summary>
    private static IEnumerable<Block> Counting()
    {
        yield return Block.Zeros(Count, 8, 8);
        yield return CountedBlock("malloc", static (c, count) => c.@lock.inc(count));
        yield return CountedBlock("free", static (c, count) =>
        {
            Label nothing = c.CreateLabel();
            c.test(rdi, rdi);
            c.je(nothing);
            c.@lock.dec(count);
            c.Label(ref nothing);
        });
    }

    private static Block CountedBlock(string name, Action<Assembler, AssemblerMemoryOperand> count)
    {
        StubEmitter emitter = new(64);
        emitter.Code.AddInstruction(
            Instruction.Create(Code.Lea_r64_m, Register.RCX, new MemoryOperand(Register.RIP, StubEmitter.Placeholder, 4)));
        emitter.Refer(Count, OperandField.Displacement, RelocationType.Relative32, -4);
        count(emitter.Code, __qword_ptr[rcx]);
        emitter.Jump($"__real_{name}");
        return emitter.ToBlock($"__wrap_{name}");
    }
}
