using System.Text.Json;
using Xunit.Abstractions;

namespace Xenlet.Tests;

/// <summary>xunit's options: those of a project's <c>xunit.runner.json</c>.</summary>
internal sealed class RunOptions : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
{
    private readonly Dictionary<string, object?> _values = [];

    /// <summary>Reads a file.</summary>
    /// <param name="file">Its path; without such a file every option has xunit's default.</param>
    public static RunOptions Read(string file)
    {
        RunOptions options = new();

        // The rows of a theory are listed by themselves for somebody who chooses from a list. Each is written as text and read again then.
        options.SetValue("xunit.discovery.PreEnumerateTheories", false);
        if (File.Exists(file))
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
            foreach (JsonProperty option in document.RootElement.EnumerateObject().Where(option => !option.Name.StartsWith('$')))
            {
                // xunit writes its names with a capital here and with a small letter there.
                string name = $"xunit.execution.{Capital(option.Name)}";
                options._values[name] = option.Value.ValueKind switch
                {
                    JsonValueKind.Number => option.Value.GetInt32(),
                    JsonValueKind.String => Capital(option.Value.GetString()!),
                    _ => throw new InvalidDataException($"{file}: {option.Name} has a value of a kind that nothing here reads"),
                };
            }
        }

        return options;
    }

    /// <inheritdoc/>
    public TValue GetValue<TValue>(string name) => _values.TryGetValue(name, out object? value) ? (TValue)value! : default!;

    /// <inheritdoc/>
    public void SetValue<TValue>(string name, TValue value) => _values[name] = value;

    private static string Capital(string text) => string.Concat(text[..1].ToUpperInvariant(), text[1..]);
}
