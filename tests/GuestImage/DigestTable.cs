using System.Security.Cryptography;

namespace Xenlet.GuestImage;

/// <summary>
/// What .NET's hash algorithms give, in every way that they can be asked. The image and the tests on the host compile this same file.
/// </summary>
internal static class DigestTable
{
    /// <summary>How a line of the table begins.</summary>
    public const string Prefix = "digest ";

    private static readonly string[] Names =
        ["MD5", "SHA1", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-384", "SHA3-512", "SHAKE128", "SHAKE256"];

    // None, parts of a block, blocks of each algorithm (64, 72, 104, 128, 136, 168 bytes), the bytes around them, and many.
    private static readonly int[] Lengths =
        [0, 1, 55, 56, 63, 64, 65, 71, 72, 73, 103, 104, 105, 111, 112, 127, 128, 129, 135, 136, 137, 167, 168, 169, 10_007];

    private static readonly byte[] Message = [.. Enumerable.Range(0, Lengths[^1]).Select(i => (byte)((i * 37) ^ (i >> 8)))];

    /// <summary>The lines, in order.</summary>
    public static IEnumerable<string> Rows() =>
        Names.SelectMany(Incremental).Concat(Once()).Concat(Objects()).Append(Lost()).Concat(Threads());

    /// <summary>The lines of one algorithm: messages in one part and in many, hashes so far, what comes after a reset.</summary>
    private static IEnumerable<string> Incremental(string name)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(new HashAlgorithmName(name));
        yield return Row(name, "bytes", hash.HashLengthInBytes);
        foreach (int length in Lengths)
        {
            hash.AppendData(Message, 0, length);
            yield return Row(name, length, hash.GetHashAndReset());
        }

        for (int at = 0, part = 1; at < Message.Length; at += part, part = (part * 3) + 1)
        {
            hash.AppendData(Message, at, Math.Min(part, Message.Length - at));
            yield return Row(name, "so far", hash.GetCurrentHash());
        }

        yield return Row(name, "in pieces", hash.GetHashAndReset());
        yield return Row(name, "nothing", hash.GetCurrentHash());
        hash.AppendData("one"u8);
        yield return Row(name, "one", hash.GetHashAndReset());
    }

#pragma warning disable CA5350, CA5351 // All algorithms, and nothing is protected by them.
    private static IEnumerable<string> Once() =>
    [
        Row("MD5", "once", MD5.HashData(Message)),
        Row("SHA1", "once", SHA1.HashData(Message)),
        Row("SHA256", "once", SHA256.HashData(Message)),
        Row("SHA256", "once, nothing", SHA256.HashData([])),
        Row("SHA384", "once", SHA384.HashData(Message)),
        Row("SHA512", "once", SHA512.HashData(Message)),
        Row("SHA256", "of a stream", SHA256.HashData(new MemoryStream(Message))),
        Row("SHA3", "supported", SHA3_256.IsSupported && SHA3_384.IsSupported && SHA3_512.IsSupported),
        Row("SHA3-256", "once", SHA3_256.HashData(Message)),
        Row("SHA3-384", "once", SHA3_384.HashData(Message)),
        Row("SHA3-512", "once", SHA3_512.HashData(Message)),
        Row("into", "too little", SHA512.TryHashData(Message, new byte[63], out int written) || written != 0),
    ];
#pragma warning restore CA5350, CA5351

    private static IEnumerable<string> Objects()
    {
        using SHA256 hash = SHA256.Create();
        yield return Row("an object", "once", hash.ComputeHash(Message));
        yield return Row("an object", "again", hash.ComputeHash(Message, 1, 100));
        hash.TransformBlock(Message, 0, 1000, null, 0);
        hash.Initialize();
        hash.TransformFinalBlock(Message, 0, 7);
        yield return Row("an object", "after Initialize", hash.Hash!);
    }

    /// <summary>Hashes that nobody disposes of: the collector does, in the middle of a message.</summary>
    private static string Lost()
    {
        byte[] last = [];
        for (int i = 0; i < 200; i++)
        {
            IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
            hash.AppendData(Message, 0, i);
            last = hash.GetCurrentHash();
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Row("SHA512", "lost", last);
    }

    /// <summary>A line for each algorithm, and one more for each thread that has another hash.</summary>
    private static IEnumerable<string> Threads()
    {
        string[] rows = new string[4 * Names.Length];
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(i => new Thread(() =>
        {
            for (int n = 0; n < Names.Length; n++)
            {
                using IncrementalHash hash = IncrementalHash.CreateHash(new HashAlgorithmName(Names[n]));
                for (int at = 0; at < 5000; at += 100)
                {
                    hash.AppendData(Message, at, 100);
                    Thread.Yield();
                }

                rows[(i * Names.Length) + n] = Row(Names[n], "on a thread", hash.GetHashAndReset());
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return rows.Distinct();
    }

    private static string Row(string name, object what, byte[] hash) => Row(name, what, Convert.ToHexStringLower(hash));

    private static string Row(string name, object what, object value) => $"{Prefix}{name}, {what}: {value}";
}
