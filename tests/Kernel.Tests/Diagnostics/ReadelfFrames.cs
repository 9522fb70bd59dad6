using System.Diagnostics;
using System.Globalization;

namespace Xenlet.Kernel.Tests.Diagnostics;

/// <summary>A row of the call frame table as binutils' readelf prints it: an independent reading of the same bytes.</summary>
/// <param name="Address">First address the row holds for.</param>
/// <param name="IsSignalFrame">Its CIE's augmentation has an S.</param>
/// <param name="Cfa">The CFA rule: <c>rsp+8</c> or <c>exp</c>.</param>
/// <param name="Rules">The rule of each register that the function mentions.</param>
internal sealed record ReadelfRow(ulong Address, bool IsSignalFrame, string Cfa, IReadOnlyDictionary<string, string> Rules);

internal static class ReadelfFrames
{
    /// <summary>
    /// Reads the rows of every FDE that has rows of its own. A row that begins where its function ends (clang writes some) holds nowhere.
    /// </summary>
    public static List<ReadelfRow> Read(string file)
    {
        using Process readelf = Process.Start(new ProcessStartInfo("readelf", ["--debug-dump=frames-interp", "--wide", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        readelf.ErrorDataReceived += static (_, _) => { };
        readelf.BeginErrorReadLine();

        List<ReadelfRow> rows = [];
        Dictionary<string, bool> isSignalCie = [];
        string[] columns = [];
        bool inDescription = false;
        bool isSignal = false;
        ulong end = 0;
        bool inEhFrame = false;
        while (readelf.StandardOutput.ReadLine() is string line)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line.StartsWith("Contents of the", StringComparison.Ordinal))
            {
                inEhFrame = line.Contains(".eh_frame", StringComparison.Ordinal);
            }
            else if (words.Length > 4 && words[3] == "CIE")
            {
                inDescription = false;
                isSignalCie[words[0]] = words[4].Contains('S', StringComparison.Ordinal);
            }
            else if (words.Length > 4 && words[3] == "FDE")
            {
                inDescription = true;
                isSignal = isSignalCie[words[4]["cie=".Length..]];
                ReadOnlySpan<char> endText = line.AsSpan(line.LastIndexOf("..", StringComparison.Ordinal) + 2);
                end = ulong.Parse(endText, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            }
            else if (words is ["LOC", "CFA", ..])
            {
                columns = words[2..];
            }
            else if (inEhFrame && inDescription && words.Length == columns.Length + 2 && words[0].Length == 16
                && ulong.TryParse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong address)
                && address < end)
            {
                rows.Add(new ReadelfRow(
                    address,
                    isSignal,
                    words[1],
                    columns.Zip(words[2..]).ToDictionary(pair => pair.First, pair => pair.Second)));
            }
        }

        readelf.WaitForExit();
        Assert.True(rows.Count > 0, $"readelf found no call frame information in {file}");
        return rows;
    }
}
