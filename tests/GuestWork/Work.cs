using System.Collections.Immutable;
using System.Globalization;
using System.IO.Compression;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Jint;
using Jint.Native;
using Jint.Runtime.Interop;

namespace Xenlet.GuestWork;

/// <summary>
/// Work for libraries of other authors. Every part prints a text that depends only on the code, so that it is the same
/// byte for byte wherever it runs; the host compares a guest's with Linux's.
/// </summary>
internal static partial class Work
{
    /// <summary>All parts, by name.</summary>
    public static IReadOnlyList<(string Name, Action Run)> Parts { get; } =
    [
        ("text", Text),
        ("regex", RegularExpressions),
        ("json", Json),
        ("linq", Linq),
        ("numbers", Numbers),
        ("compression", Compression),
        ("dates", Dates),
        ("xml", Xml),
        ("javascript", JavaScript),
        ("collections", Collections),
        ("files", FilesWork.Run),
        ("zones", ZonesWork.Run),
        ("cultures", CulturesWork.Run),
        ("cryptography", CryptographyWork.Run),
        ("tls", TlsWork.Run),
    ];

    private static void Print(string line) => Console.WriteLine(line);

    private static string Sample(int length)
    {
        string[] words = ["guest", "domain", "ring", "frame", "grant", "event", "channel", "watch", "token", "page"];
        StringBuilder text = new();
        Random random = new(1234);
        while (text.Length < length)
        {
            text.Append(words[random.Next(words.Length)]).Append(random.Next(5) == 0 ? ".\n" : " ");
        }

        return text.ToString();
    }

    /// <summary>FNV-1a, 64 bits: a hash that needs no library.</summary>
    private static string Hash(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 14695981039346656037;
        foreach (byte value in bytes)
        {
            hash = (hash ^ value) * 1099511628211;
        }

        return hash.ToString("x16", CultureInfo.InvariantCulture);
    }

    private static void Text()
    {
        Print($"{1234.5:F3}|{-7:D4}|{255:X8}|{0.1 + 0.2:R}|{1e300:E5}|{float.MaxValue}|{double.Epsilon}|{12.345m:C}|{0.256:P1}");
        Print($"|{"left",-10}|{"right",10}|{1234567,15:N0}|");
        Print(string.Join(" ", "Straße ÄÖÜ İıI ǅ".ToUpperInvariant(), "ΑΣ".ToLowerInvariant(), "ﬁ".ToUpperInvariant()));
        Print(Convert.ToBase64String(Encoding.UTF8.GetBytes("日本語 😀 e\u0301")));
        Print(string.Join(",", "one;two;;three".Split(';', StringSplitOptions.RemoveEmptyEntries).Reverse()));
        Print(Hash(Encoding.Unicode.GetBytes(Sample(20_000))));
        Print(Hash(Encoding.Latin1.GetBytes("àéîõü")) + Hash(Encoding.UTF32.GetBytes("😀")));
        Print(string.Create(
            CultureInfo.InvariantCulture,
            $"{new string('=', 20)} {true} {'x'} {Guid.Empty} {TimeSpan.FromMilliseconds(123456789)}"));
        Print(double.Parse("1e-7", CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture) + " " + int.Parse(
            "-0042", CultureInfo.InvariantCulture));
        Print(string.Join(",", "b B a A ä z".Split(' ').Order(StringComparer.InvariantCulture)));

        // Ten digits: the C library's functions choose other code, with another last bit, where the processor has fused multiply-add.
        Print(string.Join(",", Enumerable.Range(0, 10).Select(i => Math.Sin(i).ToString("E9", CultureInfo.InvariantCulture))));
        Print(string.Join(",", Enumerable.Range(1, 10)
            .Select(i => (Math.Pow(i, 1.5) + Math.Log(i) + Math.Exp(i) + Math.Atan2(i, 3)).ToString("E9", CultureInfo.InvariantCulture))));
    }

    private static void RegularExpressions()
    {
        string text = Sample(30_000);
        Print(
            $"{Regex.Count(text, @"\bgr[a-z]+\b")} {Regex.Count(text, @"(\w+) \1")} {Regex.Count(text, @"(?<=ring )watch(?!\.)")} "
            + $"{WordPair().Count(text)}");
        Print(Hash(Encoding.UTF8.GetBytes(Regex.Replace(text, @"(?<first>\w+) (?<second>\w+)", "${second} ${first}"))));
        Print(string.Join("|", Regex.Matches("2026-11-22 and 1999-01-01", @"(\d{4})-(\d\d)-(\d\d)")
            .Select(match => $"{match.Groups[3]}.{match.Groups[2]}.{match.Groups[1]}")));
        Print(
            new Regex("^(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?:\\.(?!$)|$)){4}$", RegexOptions.Compiled).IsMatch("192.168.255.1").ToString());
        Print(Regex.Replace("aAbBcC", "[a-c]", match => match.Value.ToUpperInvariant() + match.Index, RegexOptions.IgnoreCase));
        Print(new Regex("(a+)+b", RegexOptions.NonBacktracking).IsMatch(new string('a', 5000)).ToString());
        try
        {
            Regex.IsMatch(new string('a', 40), "(a+)+b", RegexOptions.None, TimeSpan.FromMilliseconds(50));
            Print("no time limit");
        }
        catch (RegexMatchTimeoutException)
        {
            Print("time limit");
        }
    }

    private static void Json()
    {
        Order order = new(
            17,
            "Jürgen \"Q\" <b>",
            new DateTime(2026, 2, 28, 23, 59, 59, DateTimeKind.Utc),
            [new Line("tea", 2, 3.50m), new Line("näpfe", 1, 12m)],
            new Dictionary<string, double> { ["pi"] = Math.PI, ["tiny"] = 1e-20 },
            null);
        string text = JsonSerializer.Serialize(order, WorkJsonContext.Default.Order);
        Print(text);
        Order back = JsonSerializer.Deserialize(text, WorkJsonContext.Default.Order)!;
        Print($"{back.Customer} {back.Lines.Count} {back.Lines.Sum(line => line.Count * line.Price)} {back.Placed:O} {back.Facts["tiny"]}");
        Print(JsonSerializer.Serialize(Enumerable.Range(0, 200).ToArray(), WorkJsonContext.Default.Int32Array).Length
            .ToString(CultureInfo.InvariantCulture));
        using JsonDocument document = JsonDocument.Parse("""{"a":[1,2.5,"x",null,true,{"deep":[[[]]]}],"b":1e400}""");
        Print(document.RootElement.GetProperty("a")[5].GetRawText() + document.RootElement.GetProperty("b").GetRawText());
        try
        {
            JsonSerializer.Deserialize("""{"Id": "seventeen"}""", WorkJsonContext.Default.Order);
        }
        catch (JsonException bad)
        {
            Print(bad.Message);
        }
    }

    private static void Linq()
    {
        (string Name, int Group, double Weight)[] items = [.. Enumerable.Range(0, 500).Select(
            i => ($"item{i * 7919 % 500:D3}", i % 7, Math.Sqrt(i)))];
        foreach (IGrouping<int, (string Name, int Group, double Weight)> group in items.OrderByDescending(item => item.Weight)
            .GroupBy(item => item.Group)
            .OrderBy(group => group.Key))
        {
            Print(
                $"{group.Key}: {group.Count()} {group.Sum(item => item.Weight):F6} {group.MaxBy(item => item.Name).Name} "
                + $"{string.Join(",", group.Take(3).Select(item => item.Name))}");
        }

        Print(string.Join(" ", items.Join(items.Where(item => item.Group == 3), a => a.Name, b => b.Name, (a, b) => a.Name)
            .Order()
            .Chunk(10)
            .Select(chunk => chunk.Length)));
        Print(Enumerable.Range(1, 20).Aggregate(BigInteger.One, (product, n) => product * n).ToString(CultureInfo.InvariantCulture));
        Print(string.Join(",", Enumerable.Range(0, 30)
            .Zip(Enumerable.Range(0, 30).Reverse())
            .Where(pair => (pair.First * pair.Second) % 5 == 0)
            .Select(pair => pair.First)
            .DistinctBy(n => n / 3)));
    }

    private static void Numbers()
    {
        BigInteger factorial = BigInteger.One;
        for (int i = 2; i <= 500; i++)
        {
            factorial *= i;
        }

        Print(factorial.ToString(CultureInfo.InvariantCulture));
        Print((factorial / BigInteger.Pow(7, 300) % 1_000_000_007).ToString(CultureInfo.InvariantCulture));
        Print(BigInteger.ModPow(3, BigInteger.Pow(10, 50), BigInteger.Parse(
            "170141183460469231731687303715884105727",
            CultureInfo.InvariantCulture)).ToString("X", CultureInfo.InvariantCulture));
        Print(
            $"{1m / 3m} {decimal.MaxValue} {decimal.Round(2.5m)} {decimal.Round(2.5m, MidpointRounding.AwayFromZero)} {0.1m + 0.2m} "
            + $"{79228162514264337593543950335m / 7}");
        Print(
            $"{Int128.MaxValue} {UInt128.MaxValue / 3} {(Half)3.14159} {double.BitIncrement(1)} "
            + $"{Math.FusedMultiplyAdd(1.1, 2.2, 3.3):R} {long.MinValue}");
        Print(
            $"{Complex.Sqrt(new Complex(-4, 3))} {Vector3.Normalize(new Vector3(1, 2, 3))} {BitOperations.PopCount(0xdeadbeefUL)} "
            + $"{BitOperations.LeadingZeroCount(1UL << 20)}");
        Matrix4x4 matrix = Matrix4x4.CreateRotationX(0.5f) * Matrix4x4.CreateTranslation(1, 2, 3);
        Print($"{matrix.M22:F5} {matrix.M23:F5} {matrix.GetDeterminant():F5}");
        double[] series = new double[1000];
        for (int i = 1; i < series.Length; i++)
        {
            series[i] = series[i - 1] + (1.0 / i);
        }

        Print(
            $"{series[^1]:R} {series.Average():R} {new Random(7).NextDouble():R} "
            + $"{string.Join(",", new Random(99).GetItems(["x", "y", "z"], 12))}");
    }

    private static void Compression()
    {
        byte[] plain = Encoding.UTF8.GetBytes(Sample(200_000));
        Print($"plain {plain.Length} {Hash(plain)}");
        RoundTrip(
            "deflate",
            plain,
            stream => new DeflateStream(stream, CompressionLevel.Optimal, true),
            stream => new DeflateStream(stream, CompressionMode.Decompress));
        RoundTrip(
            "gzip",
            plain,
            stream => new GZipStream(stream, CompressionLevel.SmallestSize, true),
            stream => new GZipStream(stream, CompressionMode.Decompress));
        RoundTrip(
            "zlib",
            plain,
            stream => new ZLibStream(stream, CompressionLevel.Fastest, true),
            stream => new ZLibStream(stream, CompressionMode.Decompress));
        RoundTrip(
            "brotli",
            plain,
            stream => new BrotliStream(stream, CompressionLevel.Fastest, true),
            stream => new BrotliStream(stream, CompressionMode.Decompress));
        using MemoryStream file = new();
        using (ZipArchive archive = new(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            ZipArchiveEntry entry = archive.CreateEntry("folder/text.txt");
            entry.LastWriteTime = new DateTimeOffset(2026, 1, 2, 3, 4, 6, TimeSpan.Zero);
            using Stream content = entry.Open();
            content.Write(plain.AsSpan(0, 5000));
        }

        using ZipArchive read = new(file, ZipArchiveMode.Read);
        Print($"zip {read.Entries[0].FullName} {read.Entries[0].Length} {read.Entries[0].Crc32:x8}");
        try
        {
            using GZipStream broken = new(new MemoryStream(plain), CompressionMode.Decompress);
            broken.ReadByte();
        }
        catch (InvalidDataException)
        {
            Print("broken data are refused");
        }
    }

    private static void RoundTrip(string name, byte[] plain, Func<Stream, Stream> compress, Func<Stream, Stream> expand)
    {
        using MemoryStream packed = new();
        using (Stream compressor = compress(packed))
        {
            compressor.Write(plain);
        }

        byte[] bytes = packed.ToArray();
        using MemoryStream unpacked = new();
        using (Stream expander = expand(new MemoryStream(bytes)))
        {
            expander.CopyTo(unpacked);
        }

        // The size of the packed data depends on the processor's instructions; the unpacked data does not.
        Print($"{name} smaller {bytes.Length < plain.Length / 2} back {unpacked.Length} {Hash(unpacked.ToArray())}");
    }

    private static void Dates()
    {
        CultureInfo invariant = CultureInfo.InvariantCulture;
        DateTime leap = DateTime.Parse("2024-02-29T12:34:56.789Z", invariant, DateTimeStyles.AdjustToUniversal);
        Print(string.Join(
            " | ",
            leap.ToString("O", invariant),
            leap.ToString("R", invariant),
            leap.ToString("D", invariant),
            leap.AddYears(1).ToString("d", invariant),
            leap.Ticks));
        Print(DateTime.ParseExact("31/12/1999 23:59", "dd/MM/yyyy HH:mm", invariant).AddMinutes(1).ToString("yyyy-MM-dd dddd", invariant));
        Print(DateTimeOffset.Parse("2026-06-01T00:00:00+05:30", invariant).ToUniversalTime().ToString("u", invariant));
        Print(
            $"{DateOnly.FromDayNumber(739_000):yyyy-MM-dd} {new TimeOnly(13, 14, 15):HH.mm.ss} "
            + $"{ISOWeek.GetWeekOfYear(new DateTime(2027, 1, 1))} {(new DateTime(2100, 1, 1) - new DateTime(2000, 1, 1)).TotalDays}");
        Print(
            $"{DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123):O} "
            + $"{TimeSpan.Parse("1.02:03:04.5", invariant).TotalSeconds.ToString(invariant)} {new HijriCalendar().GetYear(leap)} "
                + $"{new ChineseLunisolarCalendar().GetMonth(leap)}");
    }

    private static void Xml()
    {
        XElement tree = new("domain", new XAttribute("id", 5), Enumerable.Range(0, 4)
            .Select(i => new XElement("device", new XAttribute("class", i % 2 == 0 ? "vbd" : "vif"), new XCData($"<{i}>"))));
        Print(tree.ToString());
        XDocument document = XDocument.Parse("<?xml version='1.0'?><!-- c --><a xmlns:n='urn:n'><n:b x='1&amp;2'>t&#233;xt</n:b><b/></a>");
        Print(string.Join(",", document.Descendants().Select(element => $"{element.Name}={element.Value}")));
        Print(tree.Elements("device")
            .Where(device => (string?)device.Attribute("class") == "vif")
            .Select(device => device.Value)
            .Aggregate((a, b) => a + b));
        try
        {
            XDocument.Parse("<a><b></a>");
        }
        catch (System.Xml.XmlException bad)
        {
            Print(bad.Message);
        }
    }

    private static void Collections()
    {
        PriorityQueue<string, int> queue = new();
        Random random = new(5);
        for (int i = 0; i < 200; i++)
        {
            queue.Enqueue($"p{i}", random.Next(1000));
        }

        Print(string.Join(",", Enumerable.Range(0, 20).Select(_ => queue.Dequeue())));
        SortedDictionary<string, int> sorted = new(StringComparer.Ordinal);
        foreach (string word in Sample(3000).Split([' ', '.', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            sorted[word] = sorted.GetValueOrDefault(word) + 1;
        }

        Print(string.Join(",", sorted.Select(pair => $"{pair.Key}={pair.Value}")));
        ImmutableSortedSet<int> set = [.. Enumerable.Range(0, 100).Select(i => i * i % 37)];
        Print(string.Join(",", set) + " " + set.Contains(12));
        LinkedList<int> list = new(Enumerable.Range(0, 10));
        list.Remove(5);
        list.AddFirst(-1);
        Print(string.Join(",", list));
        Span<int> numbers = [.. Enumerable.Range(0, 1000).Select(i => i * 7919 % 1009)];
        numbers.Sort();
        Print($"{numbers[0]} {numbers[500]} {numbers[^1]} {numbers.BinarySearch(77) >= 0} {numbers.IndexOf(500)}");
    }

    private static void JavaScript()
    {
        using Engine engine = new(options => options.LimitRecursion(200));
        engine.SetValue("print", new ClrFunction(engine, "print", (_, arguments) =>
        {
            Print(arguments[0].ToString());
            return JsValue.Undefined;
        }));
        engine.Execute(JavaScriptProgram.Source);
        Print(engine.Evaluate("fib(16) + ':' + counter()").ToString());
        Print(engine.Invoke("sum", 1, 2, 3.5).ToString());
        try
        {
            engine.Execute("undefinedFunction()");
        }
        catch (Jint.Runtime.JavaScriptException thrown)
        {
            Print(thrown.Message);
        }
    }

    [GeneratedRegex(@"(event|watch)\s(channel|token)", RegexOptions.IgnoreCase)]
    private static partial Regex WordPair();

    public sealed record Line(string Product, int Count, decimal Price);

    public sealed record Order(
        int Id, string Customer, DateTime Placed, List<Line> Lines, Dictionary<string, double> Facts, string? Remark);

    [JsonSourceGenerationOptions(WriteIndented = true)]
    [JsonSerializable(typeof(Order))]
    [JsonSerializable(typeof(int[]))]
    public sealed partial class WorkJsonContext : JsonSerializerContext;
}
