using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Xenlet.QemuXen.Base;

/// <summary>Runs a short program on the host to its end.</summary>
internal static class HostCommand
{
    /// <summary>Runs a program and returns its standard output.</summary>
    /// <exception cref="QemuXenException">
    /// The program is missing or ended with a status other than 0. The message contains all its output.
    /// </exception>
    public static async Task<string> RunAsync(
        string program,
        IEnumerable<string> arguments,
        string? directory = null,
        CancellationToken cancellationToken = default)
    {
        MemoryStream output = new();
        string? failure = await RunToEndAsync(program, arguments, stream => stream.CopyTo(output), directory, cancellationToken);
        string text = Encoding.UTF8.GetString(output.GetBuffer(), 0, (int)output.Length);
        return failure is null ? text : throw new QemuXenException($"{failure}\n{text}".TrimEnd());
    }

    /// <summary>
    /// Runs a program to its end while <paramref name="read"/> consumes its standard output.
    /// </summary>
    /// <exception cref="QemuXenException">The program is missing or ended with a status other than 0.</exception>
    public static async Task ReadAsync(
        string program,
        IEnumerable<string> arguments,
        Action<Stream> read,
        string? directory = null,
        CancellationToken cancellationToken = default)
    {
        if (await RunToEndAsync(program, arguments, read, directory, cancellationToken) is { } failure)
        {
            throw new QemuXenException(failure);
        }
    }

    /// <summary>Returns null, or the failure with what the program wrote to standard error.</summary>
    private static async Task<string?> RunToEndAsync(
        string program, IEnumerable<string> arguments, Action<Stream> read, string? directory, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory ?? "",
        };
        start.Environment["LC_ALL"] = "C.UTF-8";
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";

        // Variables of a build that started this process would affect a build that this one starts.
        string[] left = [.. start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))];
        foreach (string variable in left)
        {
            start.Environment.Remove(variable);
        }

        using Process process = Start(start);
        using CancellationTokenRegistration stop = cancellationToken.Register(() => Kill(process));
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        await Task.Run(() => ReadAll(process.StandardOutput.BaseStream, read), CancellationToken.None);
        string error = await errors;
        await process.WaitForExitAsync(CancellationToken.None);
        cancellationToken.ThrowIfCancellationRequested();
        return process.ExitCode == 0
            ? null
            : $"`{program} {string.Join(' ', start.ArgumentList)}` ended with status {process.ExitCode}: {error.Trim()}";
    }

    /// <summary>Also consumes the rest: a writer whose pipe is closed early would report a failure of its own.</summary>
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
            // It has already ended.
        }
    }
}
