using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Xenlet.GuestImage;

/// <summary>Questions of a program about its system, and the errors for what a guest does not have.</summary>
internal static class SystemCases
{
    public static IEnumerable<Case> All =>
    [
        new("secure-random", SecureRandom),
        new("random-megabytes-let-others-run", RandomMegabytesLetOthersRun),
        new("guid-new", GuidNew),
        new("hash-code-seed", HashCodeSeed),
        new("utc-now", UtcNow),
        new("environment-facts", EnvironmentFacts),
        new("file-not-found", FileNotFound),
        new("process-start-fails", ProcessStartFails),
        new("culture-is-invariant", CultureIsInvariant),
        new("time-zone-utc", TimeZoneUtc),
        new("app-context", AppContextFacts),
        new("runtime-information", RuntimeInformationFacts),
        new("one-processor", () => Check.Equal(1, Environment.ProcessorCount)),
        new("file-write-fails", FileWriteFails),
        new("root-directory", RootDirectory),
        new("socket-fails", SocketFails),
        new("hmac-refused", HmacRefused),
        new("digest-table", PrintDigests),
        new("memory-limit-known", MemoryLimitKnown),
    ];

    private static void SecureRandom()
    {
        byte[] first = new byte[64];
        byte[] second = new byte[64];
        RandomNumberGenerator.Fill(first);
        RandomNumberGenerator.Fill(second);
        Check.That(!first.AsSpan().SequenceEqual(second));

        // 64 KiB of random bits: each of the 256 values about 256 times. A stuck or counting source fails by far.
        byte[] many = RandomNumberGenerator.GetBytes(65_536);
        int[] counts = new int[256];
        foreach (byte value in many)
        {
            counts[value]++;
        }

        Check.That(counts.Min() > 128 && counts.Max() < 450, $"counts between {counts.Min()} and {counts.Max()}");
        int[] drawn = [.. Enumerable.Range(0, 1000).Select(_ => RandomNumberGenerator.GetInt32(10))];
        Check.Equal(10, drawn.Distinct().Count());
        Check.That(Random.Shared.NextInt64() != Random.Shared.NextInt64());
    }

    private static unsafe void RandomMegabytesLetOthersRun()
    {
        // In the middle of a call the buffer is random at its begin and zero at its end: only a thread that runs then sees it so.
        const int size = 4 << 20;
        byte* buffer = (byte*)NativeMemory.AllocZeroed(size);
        bool isOver = false;
        int seen = 0;
        Thread other = new(() =>
        {
            while (!Volatile.Read(ref isOver))
            {
                ulong last = Volatile.Read(ref *(ulong*)(buffer + size - 8));
                if (Volatile.Read(ref *(ulong*)buffer) != 0 && last == 0 && Volatile.Read(ref *(ulong*)(buffer + size - 8)) == 0)
                {
                    Volatile.Write(ref seen, 1);
                }
            }
        })
        { IsBackground = true };
        other.Start();
        Check.Eventually(() =>
        {
            NativeMemory.Clear(buffer, size);
            for (nint done = 0; done < size;)
            {
                nint part = GetRandom(buffer + done, size - done, 0);
                Check.That(part > 0, $"getrandom gave {part}");
                done += part;
            }

            return Volatile.Read(ref seen) != 0;
        });
        Volatile.Write(ref isOver, true);
        Check.Ends(other);
        NativeMemory.Free(buffer);
    }

    private static void GuidNew()
    {
        HashSet<Guid> made = [.. Enumerable.Range(0, 2000).Select(_ => Guid.NewGuid())];
        Check.Equal(2000, made.Count);
        Check.That(made.All(guid => guid.Version == 4 && guid.Variant is >= 8 and <= 11));
        Console.WriteLine($"guid {made.First()}");
    }

    private static void HashCodeSeed()
    {
        // Strings hash with a secret of the process; the host compares the printed values of two boots.
        Console.WriteLine($"string hash {"a string".GetHashCode(StringComparison.Ordinal)}, hash code {HashCode.Combine(1, 2)}");
        Check.Equal("a string".GetHashCode(StringComparison.Ordinal), string.Concat("a ", "string").GetHashCode(StringComparison.Ordinal));
    }

    private static void UtcNow()
    {
        DateTime now = DateTime.UtcNow;
        Check.That(now.Year is >= 2024 and < 2100, now.ToString("O", CultureInfo.InvariantCulture));
        Check.Equal(DateTimeKind.Utc, now.Kind);
        DateTime last = now;
        for (int i = 0; i < 10_000; i++)
        {
            DateTime next = DateTime.UtcNow;
            Check.That(next >= last);
            last = next;
        }

        Check.That(last > now);
        Console.WriteLine($"utc {DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ}");
    }

    private static void EnvironmentFacts()
    {
        Check.That(Environment.TickCount64 > 0);
        Check.That(Environment.ProcessId > 0);
        Check.That(Environment.Is64BitProcess);
        Check.Equal(4096, Environment.SystemPageSize);
        Check.That(Environment.CurrentManagedThreadId > 0);
        Check.Equal("\n", Environment.NewLine);
        Check.That(Environment.StackTrace.Contains(nameof(EnvironmentFacts), StringComparison.Ordinal));
        Console.WriteLine($"machine name [{Environment.MachineName}], process {Environment.ProcessId}, path [{Environment.ProcessPath}]");
        Console.WriteLine(
            $"current directory [{Environment.CurrentDirectory}], temporary files [{Path.GetTempPath()}], operating system "
            + $"[{Environment.OSVersion}]");
        using Process self = Process.GetCurrentProcess();
        Check.Equal(Environment.ProcessId, self.Id);
        Check.That(Environment.GetEnvironmentVariable("NO_SUCH_VARIABLE") == null);
        Environment.SetEnvironmentVariable("SET_HERE", "value");
        Check.Equal("value", Environment.GetEnvironmentVariable("SET_HERE"));
    }

    private static void FileNotFound()
    {
        FileNotFoundException file = Check.Throws<FileNotFoundException>(() => File.ReadAllText("/nope"));
        Check.Equal("/nope", file.FileName);
        Check.Throws<DirectoryNotFoundException>(() => File.ReadAllText("/no/such/directory/file"));
        Check.Throws<DirectoryNotFoundException>(() => Directory.GetFiles("/no/such/directory"));
        Check.That(!File.Exists("/nope") && !Directory.Exists("/no/such/directory"));
    }

    private static void FileWriteFails()
    {
        ThrowsOneOf<IOException, UnauthorizedAccessException>(() => File.WriteAllText("/new-file", "text"));
        ThrowsOneOf<IOException, UnauthorizedAccessException>(() => Directory.CreateDirectory("/new-directory"));
        Check.That(!File.Exists("/new-file"));
    }

    private static void RootDirectory()
    {
        Check.Equal(0, Directory.GetFiles("/").Length);
        Check.Equal("/app /dev /etc /proc /sys /tmp", string.Join(' ', Directory.GetDirectories("/").Order(StringComparer.Ordinal)));
    }

    private static void SocketFails()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        SocketException error = Check.Throws<SocketException>(() => socket.Connect(new IPEndPoint(IPAddress.Loopback, 80)));
        Check.Equal(SocketError.NetworkUnreachable, error.SocketErrorCode);
    }

    private static void ProcessStartFails() => Check.Throws<Win32Exception>(() => Process.Start("/bin/no-such-program"));

    private static void HmacRefused()
    {
        // The image is linked with XenletOpenSsl=digests. There is an error, no wrong code and no end of the process.
        DllNotFoundException missing = Check.Throws<DllNotFoundException>(() => HMACSHA256.HashData("key"u8, "abc"u8));
        Check.That(missing.Message.Contains("System.Security.Cryptography.Native.OpenSsl", StringComparison.Ordinal), missing.Message);
    }

    private static void PrintDigests()
    {
        foreach (string row in DigestTable.Rows())
        {
            Console.WriteLine(row);
        }
    }

    private static void CultureIsInvariant()
    {
        Check.Equal("", CultureInfo.CurrentCulture.Name);
        Check.Equal("1,234,567.89", 1234567.89.ToString("N2", CultureInfo.CurrentCulture));
        Check.Equal("ÄÖÜ", "äöü".ToUpperInvariant());
        Check.Throws<CultureNotFoundException>(() => CultureInfo.GetCultureInfo("de-DE"));
    }

    private static void TimeZoneUtc()
    {
        if (Environment.GetEnvironmentVariable("TZ") is null or "" or "UTC")
        {
            Check.Equal(TimeSpan.Zero, TimeZoneInfo.Local.BaseUtcOffset);
            Check.That(Math.Abs((DateTime.Now - DateTime.UtcNow).TotalSeconds) < 60);
        }
    }

    private static void AppContextFacts()
    {
        Check.That(AppContext.TryGetSwitch("System.Globalization.Invariant", out bool invariant) && invariant);
        Console.WriteLine($"base directory [{AppContext.BaseDirectory}]");
        Check.Equal(".NETCoreApp,Version=v10.0", AppContext.TargetFrameworkName ?? ".NETCoreApp,Version=v10.0");
    }

    private static void RuntimeInformationFacts()
    {
        Check.Equal(Architecture.X64, RuntimeInformation.ProcessArchitecture);
        Check.That(RuntimeInformation.IsOSPlatform(OSPlatform.Linux));
        Check.That(
            RuntimeInformation.FrameworkDescription.StartsWith(".NET 10.", StringComparison.Ordinal),
            RuntimeInformation.FrameworkDescription);
        Console.WriteLine($"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}");
    }

    private static void MemoryLimitKnown()
    {
        GCMemoryInfo info = GC.GetGCMemoryInfo();
        Check.That(info.TotalAvailableMemoryBytes is > 1 << 20 and < 16L << 30, $"{info.TotalAvailableMemoryBytes}");
    }

    private static void ThrowsOneOf<TFirst, TSecond>(Action action)
    {
        try
        {
            action();
        }
        catch (Exception thrown) when (thrown is TFirst or TSecond)
        {
            return;
        }

        throw new CheckFailedException($"neither {typeof(TFirst).Name} nor {typeof(TSecond).Name} was thrown");
    }

    [DllImport("libc", EntryPoint = "getrandom")]
    private static extern unsafe nint GetRandom(byte* buffer, nint count, uint flags);
}
