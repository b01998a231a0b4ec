using System.Reflection;

namespace Meshara.Mutation.Running;

/// <summary>One test with its arguments, run without a test framework.</summary>
internal sealed class TestCase(MethodInfo method, object?[] arguments, int row)
{
    /// <summary>The class, the method and, in a theory, which row.</summary>
    public string Name { get; } = $"{method.DeclaringType!.FullName}.{method.Name}{(row < 0 ? "" : $"[{row}]")}";

    /// <summary>Runs it in an instance of its own.</summary>
    public async Task<Outcome> RunAsync()
    {
        object? instance = null;
        try
        {
            instance = method.IsStatic ? null : Made(method.DeclaringType!);
            if (instance?.GetType().GetInterface("Xunit.IAsyncLifetime")?.GetMethod("InitializeAsync") is { } initialize)
                await EndAsync(initialize.Invoke(instance, null));
            await EndAsync(method.Invoke(instance, arguments));
            return new Outcome(null);
        }
        catch (Exception e)
        {
            Exception cause = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
            return cause.Message.StartsWith("$XunitDynamicSkip$", StringComparison.Ordinal)
                ? new Outcome(null, Skipped: true)
                : new Outcome($"{cause.GetType().Name}: {cause.Message.Split('\n')[0]}");
        }
        finally
        {
            try
            {
                if (instance is IAsyncDisposable lasting)
                    await lasting.DisposeAsync();
                else
                    (instance as IDisposable)?.Dispose();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // What a mutant's test leaves behind is no finding of its own.
                _ = e;
            }
        }
    }

    /// <summary>A class may ask its constructor for somewhere to write; nobody reads it here.</summary>
    private static object Made(Type type)
    {
        ConstructorInfo constructor = type.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)[0];
        return constructor.Invoke([.. constructor.GetParameters().Select(p => p.ParameterType.IsInterface ? DispatchProxy.Create(p.ParameterType, typeof(Silence)) : null)]);
    }

    private static async Task EndAsync(object? result)
    {
        if (result is Task task)
            await task;
        else if (result is ValueTask value)
            await value;
    }
}

/// <summary>Takes every call and says nothing.</summary>
public class Silence : DispatchProxy
{
    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod?.ReturnType == typeof(string) ? "" : null;
}

/// <summary>How a test ended.</summary>
/// <param name="Why">Null where it passed or skipped itself.</param>
/// <param name="Skipped">It could not run here.</param>
internal sealed record Outcome(string? Why, bool Skipped = false);
