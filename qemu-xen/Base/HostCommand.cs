using System.ComponentModel;
using System.Diagnostics;

namespace Xenlet.QemuXen.Base;

/// <summary>Runs a short program of the host to its end.</summary>
internal static class HostCommand
{
    /// <summary>Runs a program and returns what it wrote to standard output.</summary>
    /// <exception cref="QemuXenException">The program is missing or ended with a status other than 0.</exception>
    internal static async Task<byte[]> RunAsync(
        string program,
        IEnumerable<string> arguments,
        string? directory = null,
        CancellationToken cancellation = default)
    {
        var output = new MemoryStream();
        await ReadAsync(program, arguments, stream => stream.CopyTo(output), directory, cancellation);
        return output.ToArray();
    }

    /// <summary>Runs a program to its end while <paramref name="read"/> consumes what it writes to standard output.</summary>
    /// <exception cref="QemuXenException">The program is missing or ended with a status other than 0.</exception>
    internal static async Task ReadAsync(
        string program,
        IEnumerable<string> arguments,
        Action<Stream> read,
        string? directory = null,
        CancellationToken cancellation = default)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory ?? "",
        };
        start.Environment["LC_ALL"] = "C.UTF-8";
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        using Process process = Start(start);
        using CancellationTokenRegistration stop = cancellation.Register(() => Kill(process));
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        await Task.Run(() => ReadAll(process.StandardOutput.BaseStream, read), CancellationToken.None);
        string error = await errors;
        await process.WaitForExitAsync(CancellationToken.None);
        cancellation.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
        {
            throw new QemuXenException(
                $"`{program} {string.Join(' ', start.ArgumentList)}` ended with status {process.ExitCode}: {error.Trim()}");
        }
    }

    /// <summary>Consumes the rest as well: a writer whose pipe is closed early would report a failure of its own.</summary>
    private static void ReadAll(Stream stream, Action<Stream> read)
    {
        read(stream);
        stream.CopyTo(Stream.Null);
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new QemuXenException($"Cannot start '{start.FileName}': {e.Message}.", e);
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }
}
