using System.Security.Cryptography;
using System.Text;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker.Tests;

/// <summary>The stubs of an image that has OpenSSL's digests alone, linked as there: with OpenSSL's own static library.</summary>
public sealed unsafe class DigestStubsTests(DigestLibrary library) : IClassFixture<DigestLibrary>
{
    // None, parts of a block, blocks of each algorithm (64, 72, 104, 128, 136, 168 bytes), the bytes around them, and many.
    private static readonly int[] Lengths =
        [0, 1, 55, 56, 63, 64, 65, 71, 72, 73, 103, 104, 111, 112, 127, 128, 129, 135, 136, 137, 167, 168, 169, 1000, 100_003];

    private static readonly byte[] Message = [.. Enumerable.Range(0, Lengths[^1]).Select(i => (byte)((i * 37) ^ (i >> 8)))];

    /// <summary>.NET's functions, and its names of the algorithms.</summary>
    public static TheoryData<string, string> Algorithms { get; } = new()
    {
        { "CryptoNative_EvpMd5", "MD5" },
        { "CryptoNative_EvpSha1", "SHA1" },
        { "CryptoNative_EvpSha256", "SHA256" },
        { "CryptoNative_EvpSha384", "SHA384" },
        { "CryptoNative_EvpSha512", "SHA512" },
        { "CryptoNative_EvpSha3_256", "SHA3-256" },
        { "CryptoNative_EvpSha3_384", "SHA3-384" },
        { "CryptoNative_EvpSha3_512", "SHA3-512" },
        { "CryptoNative_EvpShake128", "SHAKE128" },
        { "CryptoNative_EvpShake256", "SHAKE256" },
    };

    private static IEnumerable<string> Functions => Algorithms.Select(row => (string)row[0]);

    [Fact]
    public void Each_algorithm_is_tested() =>
        Assert.Equal(DigestStubs.Algorithms.Select(algorithm => algorithm.Function), Functions);

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void A_hash_is_that_of_the_whole_of_OpenSSL(string function, string name)
    {
        nint digest = library.Digest(function);
        using IncrementalHash expected = IncrementalHash.CreateHash(new HashAlgorithmName(name));
        Assert.Equal(expected.HashLengthInBytes, library.Size(digest));
        foreach (int length in Lengths)
        {
            expected.AppendData(Message, 0, length);
            byte[] hash = expected.GetHashAndReset();
            Assert.Equal(hash, library.OneShot(digest, Message.AsSpan(0, length)));

            nint context = library.Create(digest);
            for (int at = 0, part = 1; at < length; at += part, part = (part * 3) + 1)
            {
                library.Add(context, Message.AsSpan(at, Math.Min(part, length - at)));
            }

            Assert.Equal(hash, library.Current(context));
            Assert.Equal(hash, library.Finish(context));
            library.Destroy(context);
        }
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void A_copy_and_its_original_go_on_apart_and_a_reset_forgets(string function, string name)
    {
        nint digest = library.Digest(function);
        byte[] Expected(params string[] parts)
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(new HashAlgorithmName(name));
            Array.ForEach(parts, part => hash.AppendData(Encoding.ASCII.GetBytes(part)));
            return hash.GetHashAndReset();
        }

        nint original = library.Create(digest);
        library.Add(original, "one "u8);
        nint copy = library.Copy(original);
        library.Add(original, "two"u8);
        library.Add(copy, "three"u8);
        Assert.Equal(Expected("one ", "two"), library.Current(original));
        Assert.Equal(Expected("one ", "three"), library.Finish(copy));
        library.Destroy(copy);
        library.Add(original, " more"u8);
        Assert.Equal(Expected("one ", "two", " more"), library.Finish(original));
        Assert.Equal(1, library.Reset(original, digest));
        Assert.Equal(Expected(), library.Current(original));
        library.Add(original, "three"u8);
        Assert.Equal(1, library.Reset(original, digest));
        library.Add(original, "two"u8);
        Assert.Equal(Expected("two"), library.Finish(original));
        library.Destroy(original);
    }

    [Fact]
    public void Contexts_of_many_threads_do_not_meet()
    {
        nint[] digests = [.. Functions.Select(library.Digest)];
        byte[][] expected = [.. digests.Select(digest => library.OneShot(digest, Message))];
        Parallel.For(0, 64, i =>
        {
            int which = i % digests.Length;
            nint context = library.Create(digests[which]);
            for (int at = 0; at < Message.Length; at += 1009)
            {
                library.Add(context, Message.AsSpan(at, Math.Min(1009, Message.Length - at)));
            }

            Assert.Equal(expected[which], library.Finish(context));
            library.Destroy(context);
        });
    }

    [Fact]
    public void What_is_created_and_copied_is_freed()
    {
        long before = library.Allocations;
        foreach (string function in Functions)
        {
            nint digest = library.Digest(function), context = library.Create(digest), copy = library.Copy(context);
            Assert.Equal(before + 4, library.Allocations);
            library.Add(context, "abc"u8);
            library.Current(context);
            library.Reset(context, digest);
            library.OneShot(digest, "abc"u8);
            Assert.Equal(before + 4, library.Allocations);
            library.Destroy(copy);
            library.Destroy(context);
            Assert.Equal(before, library.Allocations);
        }
    }

    [Fact]
    public void What_NET_never_asks_is_refused()
    {
        nint sha256 = library.Digest("CryptoNative_EvpSha256"), sha512 = library.Digest("CryptoNative_EvpSha512");
        Assert.Equal(-1, library.Size(0));
        Assert.Equal(0, library.Create(0));
        Assert.Equal(0, library.Copy(0));
        library.Destroy(0);
        nint context = library.Create(sha256);
        Assert.Equal(0, library.Reset(context, sha512));
        byte[] hash = library.Current(context);
        fixed (byte* bytes = Message, target = new byte[64])
        {
            uint size = 99;
            Assert.Equal(0, library.TryAdd(context, bytes, -1));
            Assert.Equal(1, library.TryAdd(context, null, 0));
            Assert.Equal(0, library.TryOneShot(sha256, bytes, -1, target, &size));
            Assert.Equal(0, library.TryOneShot(sha256, bytes, 3, null, &size));
            Assert.Equal(0, library.TryOneShot(sha256, bytes, 3, target, null));
            Assert.Equal(0, library.TryOneShot(0, bytes, 3, target, &size));
            Assert.Equal(99u, size);
        }

        Assert.Equal(hash, library.Finish(context));
        library.Destroy(context);
    }

    [Fact]
    public void A_context_for_which_there_is_no_memory_is_none_and_the_error_says_so()
    {
        const int OutOfMemory = 12;
        using HostImage image = new();
        int* error = (int*)image.Reserve(4);
        byte* table = image.Reserve(64);
        foreach (string name in DigestStubs.Algorithms.Select(algorithm => algorithm.Table))
        {
            image.Define(name, table);
        }

        image.Add("free", static c => c.int3());
        image.Add(StubNames.ErrnoLocation, c =>
        {
            c.mov(rax, (ulong)error);
            c.ret();
        });
        image.Add("malloc", c =>
        {
            c.mov(rax, (ulong)error);
            c.mov(__dword_ptr[rax], OutOfMemory);
            c.xor(eax, eax);
            c.ret();
        });
        image.Load(CryptographyStubs.WithDigests());
        delegate* unmanaged<int*, ulong> getError = (delegate* unmanaged<int*, ulong>)image[CryptographyStubs.GetError];
        nint digest = ((delegate* unmanaged<nint>)image["CryptoNative_EvpSha256"])();
        int isAllocationFailure = 7;
        Assert.Equal(0ul, getError(&isAllocationFailure));
        Assert.Equal(0, isAllocationFailure);
        Assert.Equal(0, ((delegate* unmanaged<nint, nint>)image["CryptoNative_EvpMdCtxCreate"])(digest));
        Assert.Equal(0ul, getError(&isAllocationFailure));
        Assert.Equal(1, isAllocationFailure);
        Assert.Equal(0ul, getError(&isAllocationFailure));
        Assert.Equal(0, isAllocationFailure);
        Assert.Equal(0ul, getError(null));
    }
}
